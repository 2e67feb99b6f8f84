//! The endpoint is tried on the backend's own path, before anybody reads it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let tls_config = endpoint::tls_config()?;
    step::run(async |input| endpoint::verify(&tls_config, input).await).await
}
