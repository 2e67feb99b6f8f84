//! Verifies that a cache answers, from the backend's network.

use std::sync::Arc;

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{Endpoint, VerifyEndpointInput, VerifyEndpointOutput};
use rustls::{ClientConfig, RootCertStore};

use crate::reach::{Stage, Unreachable, reach};

/// Returns the TLS settings of a backend: it trusts the system's certificate authorities, which include Amazon Trust
/// Services, and checks that a certificate is for the name that it connects to.
///
/// # Errors
/// Returns an error if the system trusts no certificate authority. The function then ends before it handles an
/// invocation.
pub fn tls_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut authorities = RootCertStore::empty();
    // Authorities that can't be read are skipped.
    authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if authorities.is_empty() {
        return Err(rustls::Error::General(
            "the system trusts no certificate authority".to_owned(),
        ));
    }
    Ok(Arc::new(
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities)
            .with_no_client_auth(),
    ))
}

/// Connects over TLS, and sends PING, SET, and GET to the primary endpoint, with a key of its own that expires, and
/// PING to the reader endpoint, if there is one.
///
/// # Errors
/// Returns `EndpointUnreachable` if a stage fails: DNS, connect, TLS, or a command. The message names the stage.
pub async fn verify(
    tls_config: &Arc<ClientConfig>,
    input: VerifyEndpointInput,
) -> StepResult<VerifyEndpointOutput> {
    let VerifyEndpointInput {
        environment,
        endpoints,
        execution,
    } = input;
    let key = format!("envcache:{environment}:verify:{execution}");
    let reader = async {
        match &endpoints.reader {
            Some(reader) => reach(tls_config, reader, None).await,
            None => Ok(()),
        }
    };
    // Both at once, so that even the slowest failure ends before the function's timeout.
    let (primary, reader) = tokio::join!(reach(tls_config, &endpoints.primary, Some(&key)), reader);
    primary.map_err(|reason| unreachable("primary", &endpoints.primary, &reason))?;
    if let (Err(reason), Some(endpoint)) = (reader, &endpoints.reader) {
        return Err(unreachable("reader", endpoint, &reason));
    }
    let answered = [Some(&endpoints.primary), endpoints.reader.as_ref()];
    Ok(VerifyEndpointOutput {
        answered: answered
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect(),
    })
}

fn unreachable(kind: &str, endpoint: &Endpoint, reason: &Unreachable) -> StepError {
    let Unreachable { stage, detail } = reason;
    StepError::new(
        ErrorName::EndpointUnreachable,
        format!(
            "the {kind} endpoint {endpoint}: {stage}: {detail}. It was not published. {}, then start again",
            remedy(*stage)
        ),
    )
}

const fn remedy(stage: Stage) -> &'static str {
    match stage {
        Stage::Dns => {
            "Check that DNS resolution is on in the VPC, and that its resolver forwards Amazon's names"
        }
        Stage::Connect => {
            "Check that the outbound rules of the stack's `VerifySecurityGroupId`, and the network ACLs and routes of \
             `VerifySubnetIds`, allow traffic to this port in the cache's subnets"
        }
        Stage::Tls => "Check that nothing between the subnets and the cache terminates TLS",
        Stage::Command => "Check the cache's events and memory in the ElastiCache console",
    }
}
