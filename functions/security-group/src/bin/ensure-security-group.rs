//! Creates or updates the cache's security group, which allows inbound traffic only from the backend.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let stack = step::stack()?;
    let ec2 = aws_sdk_ec2::Client::new(&step::sdk_config());
    step::run(async |input| security_group::ensure(&ec2, &stack, input).await).await
}
