//! One look at the cache: wait on, ready, or an error.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let elasticache = aws_sdk_elasticache::Client::new(&step::sdk_config().await);
    step::run(async |input| replication_group::check(&elasticache, input).await).await
}
