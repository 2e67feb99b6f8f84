//! A cache that could not be created goes, so that it can be created again.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let elasticache = aws_sdk_elasticache::Client::new(&step::sdk_config().await);
    step::run(async |input| replication_group::delete(&elasticache, input).await).await
}
