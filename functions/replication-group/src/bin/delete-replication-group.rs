//! Deletes the replication group of an environment that is removed.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let stack = step::stack()?;
    let elasticache = aws_sdk_elasticache::Client::new(&step::sdk_config());
    step::run(async |input| replication_group::delete(&elasticache, &stack, input).await).await
}
