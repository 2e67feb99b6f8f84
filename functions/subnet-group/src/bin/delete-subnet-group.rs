//! Deletes the cache's subnet group.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let stack = step::stack()?;
    let elasticache = aws_sdk_elasticache::Client::new(&step::sdk_config());
    step::run(async |input| subnet_group::delete(&elasticache, &stack, input).await).await
}
