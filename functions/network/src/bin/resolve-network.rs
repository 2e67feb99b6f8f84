//! Validates the request and looks up the network IDs.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let ec2 = aws_sdk_ec2::Client::new(&step::sdk_config().await);
    step::run(async |input| network::resolve(&ec2, input).await).await
}
