//! The first state: a request becomes a specification and the ids of its network.

use contract::StackPolicy;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let policy = StackPolicy::from_parameters(
        &step::variable("ADOPTION")?,
        &step::variable("ALLOWED_NODE_TYPES")?,
    )?;
    let ec2 = aws_sdk_ec2::Client::new(&step::sdk_config().await);
    step::run(async |input| network::resolve(&ec2, &policy, input).await).await
}
