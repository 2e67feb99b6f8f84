//! What is to be removed: the input, checked. It asks nobody.

use contract::RemovalRequest;
use contract::message::ResolveEnvironmentInput;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step::run(async |input: ResolveEnvironmentInput| {
        Ok(RemovalRequest::from_json(input.request)?.into_removal())
    })
    .await
}
