//! Proves that a cache answers, on the network path that the backend takes.

use std::sync::Arc;

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{Endpoint, VerifyEndpointInput, VerifyEndpointOutput};
use rustls::{ClientConfig, RootCertStore};

use crate::reach::{Stage, Unreachable, reach};

/// The TLS settings of a backend: it trusts the system's authorities, of which Amazon Trust Services is one, and holds
/// a certificate against the name that it connects to.
///
/// # Errors
/// Where the system has no authority to trust: the function then ends before it serves anything.
pub fn tls_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut authorities = RootCertStore::empty();
    // One that cannot be read is as good as one that is not there.
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

/// Connects over TLS and does PING, SET and GET at the primary endpoint, on a key of its own that expires; PING at the
/// reader endpoint, where there is one.
///
/// # Errors
/// `EndpointUnreachable` tells which stage failed: DNS, connect, TLS or a command.
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
    // Both at once, so that the slowest of failures fits into the function's time.
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
            "See that DNS resolution is on in the VPC and that its resolver forwards Amazon's names"
        }
        Stage::Connect => {
            "See that the outbound rules of the stack's VerifySecurityGroupId, the network ACLs and the routes of \
             VerifySubnetIds let this port through to the cache's subnets"
        }
        Stage::Tls => "See that nothing between the subnets and the cache ends TLS itself",
        Stage::Command => "See the cache's events and its memory in the ElastiCache console",
    }
}
