//! Validates a removal request. It calls no AWS service.

use contract::RemovalRequest;
use contract::message::ResolveRemovalInput;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step::run(async |input: ResolveRemovalInput| {
        Ok(RemovalRequest::from_json(input.request)?.into_removal())
    })
    .await
}
