//! Connects to the endpoint from the backend's network before it is published.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let tls_config = endpoint::tls_config()?;
    step::run(async |input| endpoint::verify(&tls_config, input).await).await
}
