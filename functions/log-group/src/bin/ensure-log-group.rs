//! Creates or updates the log groups that ElastiCache delivers the cache's logs to.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let stack = step::stack()?;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&step::sdk_config());
    step::run(async |input| log_group::ensure(&logs, &stack, input).await).await
}
