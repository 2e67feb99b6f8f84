//! The endpoint is tried on the backend's own path, before anybody reads it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let trusted = endpoint::trusted()?;
    step::run(async |input| endpoint::verify(&trusted, input).await).await
}
