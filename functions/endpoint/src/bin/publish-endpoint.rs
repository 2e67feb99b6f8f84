//! Publishes the endpoint in Parameter Store.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let stack = step::stack()?;
    let ssm = aws_sdk_ssm::Client::new(&step::sdk_config());
    step::run(async |input| endpoint::publish(&ssm, &stack, input).await).await
}
