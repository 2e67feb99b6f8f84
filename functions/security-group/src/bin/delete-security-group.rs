//! Deletes the cache's security group.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let stack = step::stack()?;
    let ec2 = aws_sdk_ec2::Client::new(&step::sdk_config());
    step::run(async |input| security_group::delete(&ec2, &stack, input).await).await
}
