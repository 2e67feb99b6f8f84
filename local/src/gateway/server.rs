//! Accepts connections and answers their requests.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use anyhow::Result;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::Shared;
use super::call::Call;
use super::caller::Caller;
use super::error_response::ErrorResponse;
use super::fault::Fault;
use super::reply::reply_from_answer;
use super::upstream::Received;
use super::xml::Element;
use super::{dynamodb, security_group, service_quotas, ssm, step_functions};

/// Accepts connections until the runtime ends.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // Ignores connections that the client closed before they were accepted.
        if let Ok((stream, address)) = listener.accept().await {
            tokio::spawn(serve_connection(stream, address, Arc::clone(&shared)));
        }
    }
}

/// Serves a connection until it is closed, or until a fault resets it.
async fn serve_connection(stream: TcpStream, address: SocketAddr, shared: Arc<Shared>) {
    // Nagle's algorithm would delay replies, and so every run.
    let _ = stream.set_nodelay(true);
    let (reset, mut reset_requests) = mpsc::channel::<()>(1);
    let connection = Arc::new(Connection {
        shared,
        address,
        reset,
    });
    let service = service_fn(
        move |request| -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
            let connection = Arc::clone(&connection);
            Box::pin(async move { Ok::<_, Infallible>(connection.answer(request).await) })
        },
    );
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = &mut http => {}
        Some(()) = reset_requests.recv() => {
            let stream = http.into_parts().io.into_inner();
            // With a zero linger time, closing sends a reset.
            let _ = stream.set_zero_linger();
        }
    }
}

/// A connection's address, and what its requests use.
struct Connection {
    shared: Arc<Shared>,
    address: SocketAddr,
    reset: mpsc::Sender<()>,
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.handle(request).await {
            Ok(response) => response,
            Err(error) => {
                let mut response = Response::new(Full::new(Bytes::from(format!("{error:#}"))));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        if let Some([function, environment, state]) = invocation(&head.headers) {
            let error = self
                .shared
                .fault_scopes
                .record_invocation(function, environment, state);
            return Ok(Response::new(Full::from(error.unwrap_or_default())));
        }
        if let Some([role, boundary]) = new_role(&head.headers) {
            let required = self
                .shared
                .required_boundary
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let denial = required
                .as_ref()
                .filter(|required| *required != boundary)
                .map(|_| denial(role));
            return Ok(Response::new(Full::from(denial.unwrap_or_default())));
        }
        let body = body.collect().await?.to_bytes();
        let call = Call::read(&head.headers, &body);
        let received = Received { head, body };
        let shared = &self.shared;
        let step = match shared.callers.identify(&call).await {
            Caller::Function(step) => Some((step, true)),
            Caller::State(step) => Some((step, false)),
            Caller::Root => return self.execute(&call, &received).await,
            Caller::Unknown => {
                shared
                    .fault_scopes
                    .record_unmatched("an unknown function", &call);
                None
            }
        };
        if let Some(error_response) = shared.models.check_request(&call, &received.body) {
            return Ok(error_response.answer(&call));
        }
        let response = match step {
            Some((step, by_function)) => {
                self.answer_step(&step, by_function, &call, &received)
                    .await?
            }
            None => self.execute(&call, &received).await?,
        };
        if is_ministack_failure(&response) {
            eprintln!("MiniStack failed on {} {}", call.service, call.operation);
            return Ok(Fault::InternalError
                .error_response(&call)
                .map_or(response, |error_response| error_response.answer(&call)));
        }
        shared.models.checked(&call, response).await
    }

    /// Records a step's call, and answers it unless a fault prevents that.
    async fn answer_step(
        &self,
        step: &str,
        by_function: bool,
        call: &Call,
        received: &Received,
    ) -> Result<Response<Full<Bytes>>> {
        let shared = &self.shared;
        let fault = shared
            .fault_scopes
            .record_call(step, by_function, call)
            .or_else(|| (!shared.quotas.admit(call)).then_some(Fault::Throttled));
        let Some(fault) = fault else {
            return self.execute(call, received).await;
        };
        if let Some(error_response) = fault.error_response(call) {
            return Ok(error_response.answer(call));
        }
        if fault.takes_effect() {
            self.execute(call, received).await?;
        }
        match fault {
            Fault::Reset | Fault::LostReply => {
                let _ = self.reset.send(()).await;
            }
            Fault::KilledBefore | Fault::KilledAfter => shared.callers.kill(self.address).await?,
            _ => {}
        }
        // Never answers: the connection is reset, the process is killed, or the caller times out.
        pending().await
    }

    /// Answers a call as AWS does without a fault.
    async fn execute(&self, call: &Call, received: &Received) -> Result<Response<Full<Bytes>>> {
        let shared = &self.shared;
        if call.service == "elasticache" {
            return shared
                .elasticache
                .answer(call, received, &shared.upstream)
                .await;
        }
        if call.service == "servicequotas" {
            return Ok(service_quotas::answer(call));
        }
        let error_response = match reject_request(call) {
            Some(error_response) => Some(error_response),
            None => security_group::reject(call, &shared.elasticache, &shared.upstream).await?,
        };
        if let Some(error_response) = error_response {
            return Ok(error_response.answer(call));
        }
        let answer = shared.upstream.forward(received).await?;
        if call.operation == "CreateSecurityGroup" && answer.status.is_success() {
            // A later deletion contains only the group's ID.
            let created = Element::read(&answer.body)?;
            shared
                .fault_scopes
                .add_marker(call, created.text_of("groupId"));
        }
        Ok(reply_from_answer(answer))
    }
}

/// Returns the error if a service rejects the call for its request alone.
fn reject_request(call: &Call) -> Option<ErrorResponse> {
    dynamodb::reject(call)
        .or_else(|| ssm::reject(call))
        .or_else(|| step_functions::reject(call))
}

/// Returns the function, the environment, and the state of an invocation that `start.py` announces. MiniStack invokes
/// functions internally, and a function's own calls don't name the state that invoked it.
fn invocation(headers: &HeaderMap) -> Option<[&str; 3]> {
    let header = |name| headers.get(name)?.to_str().ok();
    Some([
        header("x-envcache-function")?,
        header("x-envcache-environment")?,
        header("x-envcache-state")?,
    ])
}

/// Returns the logical ID and the permissions boundary of a role that CloudFormation is about to create, which `start.py`
/// announces: MiniStack creates it internally.
fn new_role(headers: &HeaderMap) -> Option<[&str; 2]> {
    let header = |name| headers.get(name)?.to_str().ok();
    Some([header("x-envcache-role")?, header("x-envcache-boundary")?])
}

/// Returns the error that a service control policy causes:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
fn denial(role: &str) -> String {
    format!(
        "User: arn:aws:iam::000000000000:root is not authorized to perform: iam:CreateRole on resource: \
         arn:aws:iam::000000000000:role/{role} with an explicit deny in a service control policy"
    )
}

/// Returns whether MiniStack itself failed, which it reports without a body. AWS would return an internal error.
fn is_ministack_failure(response: &Response<Full<Bytes>>) -> bool {
    response.status().is_server_error() && response.body().size_hint().exact() == Some(0)
}
