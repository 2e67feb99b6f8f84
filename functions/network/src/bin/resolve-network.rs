//! Validates the request and looks up the network IDs.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = step::sdk_config();
    let clients = network::Clients {
        ec2: aws_sdk_ec2::Client::new(&config),
        elasticache: aws_sdk_elasticache::Client::new(&config),
    };
    step::run(async |input| network::resolve(&clients, input).await).await
}
