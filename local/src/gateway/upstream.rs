//! The gateway's client of MiniStack.

use std::net::SocketAddrV4;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TRANSFER_ENCODING};
use hyper::http::request::{Builder, Parts};
use hyper::http::uri::{Authority, Scheme};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use super::xml::Element;

/// The idle timeout of a connection, shorter than MiniStack's.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// A received request.
pub struct Received {
    pub head: Parts,
    pub body: Bytes,
}

/// MiniStack's answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A client of MiniStack.
#[derive(Clone)]
pub struct Upstream {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddrV4,
}

impl Upstream {
    pub fn new(address: SocketAddrV4) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // Reuses connections: MiniStack keeps closed ones for minutes, and thousands of them slow down the search for
        // a caller's process.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Self { client, address }
    }

    /// Forwards a request with its headers, including its signature.
    pub async fn forward(&self, received: &Received) -> Result<Answer> {
        let parts = &received.head;
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.address.to_string().parse::<Authority>()?)
            .path_and_query(parts.uri.path_and_query().map_or("/", |path| path.as_str()))
            .build()?;
        let mut headers = parts.headers.clone();
        for name in [CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let mut request = Request::new(Full::new(received.body.clone()));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        self.send(request).await
    }

    /// Calls a service with the query protocol as the account's root user. Returns `None` for HTTP 4xx, which means
    /// that the resource doesn't exist.
    ///
    /// # Errors
    /// Returns an error if MiniStack doesn't answer, or fails.
    pub async fn query(&self, service: &str, fields: &[(&str, &str)]) -> Result<Option<Element>> {
        let form: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let head = Request::builder().header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.call_as_root(service, head, &form).await?;
        answer.map(|body| Element::read(&body)).transpose()
    }

    /// Does the same as [`Upstream::query`] for a service with a JSON protocol. `target` is the operation, with the prefix
    /// that the service has in the header `X-Amz-Target`.
    ///
    /// # Errors
    /// Returns an error if MiniStack doesn't answer, or fails.
    pub async fn json(&self, service: &str, target: &str, input: &Value) -> Result<Option<Value>> {
        let head = Request::builder()
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target);
        let answer = self.call_as_root(service, head, &input.to_string()).await?;
        answer
            .map(|body| serde_json::from_slice(&body).context("MiniStack's answer isn't JSON"))
            .transpose()
    }

    /// Sends a signed request, and returns the answer's body, or `None` for HTTP 4xx.
    async fn call_as_root(
        &self,
        service: &str,
        head: Builder,
        body: &str,
    ) -> Result<Option<Bytes>> {
        let mut request = head
            .method(Method::POST)
            .uri(format!("http://{}/", self.address))
            .header(HOST, self.address.to_string())
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        sign_as_root(&mut request, body, service)?;
        let answer = self.send(request).await?;
        if answer.status.is_client_error() {
            return Ok(None);
        }
        ensure!(
            answer.status.is_success(),
            "MiniStack failed on {service} {body}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        Ok(Some(answer.body))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let response = self
            .client
            .request(request)
            .await
            .context("could not call MiniStack")?;
        let (mut parts, body) = response.into_parts();
        for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            parts.headers.remove(name);
        }
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body
                .collect()
                .await
                .context("could not read MiniStack's answer")?
                .to_bytes(),
        })
    }
}

/// Signs a request with the key that MiniStack treats as the account's root user.
fn sign_as_root(request: &mut Request<Full<Bytes>>, body: &str, service: &str) -> Result<()> {
    let identity = Credentials::builder()
        .access_key_id("test")
        .secret_access_key("test")
        .provider_name("root")
        .build()
        .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(crate::REGION)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers: Vec<_> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}
