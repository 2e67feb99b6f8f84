//! Takes connections and answers what comes over them.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;

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
use super::caller::Who;
use super::fault::Fault;
use super::reply::respond;
use super::security_group;
use super::upstream::Received;
use super::xml::Element;

/// Serves until the runtime ends.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // A connection that is gone before it is taken is nobody's loss.
        if let Ok((stream, address)) = listener.accept().await {
            tokio::spawn(connection(stream, address, Arc::clone(&shared)));
        }
    }
}

/// One connection, until its end or until a fault resets it.
async fn connection(stream: TcpStream, address: SocketAddr, shared: Arc<Shared>) {
    // A reply is sent at once: what is delayed here, a run would wait for.
    let _ = stream.set_nodelay(true);
    let (reset, mut asked) = mpsc::channel::<()>(1);
    let caller = Arc::new(Caller {
        shared,
        address,
        reset,
    });
    let service = service_fn(
        move |request| -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
            let caller = Arc::clone(&caller);
            Box::pin(async move { Ok::<_, Infallible>(caller.answer(request).await) })
        },
    );
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = &mut connection => {}
        Some(()) = asked.recv() => {
            let stream = connection.into_parts().io.into_inner();
            // Closing without lingering sends a reset.
            let _ = stream.set_zero_linger();
        }
    }
}

/// Who calls over a connection.
struct Caller {
    shared: Arc<Shared>,
    address: SocketAddr,
    reset: mpsc::Sender<()>,
}

impl Caller {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.pass(request).await {
            Ok(response) => response,
            Err(error) => {
                let mut response = Response::new(Full::new(Bytes::from(format!("{error:#}"))));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        if let Some([function, environment, state]) = invocation(&head.headers) {
            let error = self.shared.tenants.invoked(function, environment, state);
            return Ok(Response::new(Full::from(error.unwrap_or_default())));
        }
        let body = body.collect().await?.to_bytes();
        let call = Call::read(&head.headers, &body);
        let received = Received { head, body };
        let shared = &self.shared;
        let step = match shared.callers.who(&call).await {
            Who::Function(step) => Some((step, true)),
            Who::State(step) => Some((step, false)),
            Who::Root => return self.take_effect(&call, &received).await,
            Who::Unknown => {
                shared.tenants.note_stray("an unknown function", &call);
                None
            }
        };
        if let Some(error_response) = shared.models.check_request(&call, &received.body) {
            return Ok(error_response.answer(&call));
        }
        let response = match step {
            Some((step, by_function)) => {
                self.record_call(&step, by_function, &call, &received)
                    .await?
            }
            None => self.take_effect(&call, &received).await?,
        };
        if is_failure_of_ministack(&response) {
            eprintln!("MiniStack failed on {} {}", call.service, call.operation);
            return Ok(Fault::InternalError
                .error_response(&call)
                .map_or(response, |error_response| error_response.answer(&call)));
        }
        shared.models.checked(&call, response).await
    }

    /// Answers a step's call, unless it meets a fault.
    async fn record_call(
        &self,
        step: &str,
        by_function: bool,
        call: &Call,
        received: &Received,
    ) -> Result<Response<Full<Bytes>>> {
        let shared = &self.shared;
        let fault = shared
            .tenants
            .record_call(step, by_function, call)
            .or_else(|| (!shared.quotas.admit(call)).then_some(Fault::Throttled));
        let Some(fault) = fault else {
            return self.take_effect(call, received).await;
        };
        if let Some(error_response) = fault.error_response(call) {
            return Ok(error_response.answer(call));
        }
        if fault.takes_effect() {
            self.take_effect(call, received).await?;
        }
        match fault {
            Fault::Reset | Fault::LostReply => {
                let _ = self.reset.send(()).await;
            }
            Fault::KilledBefore | Fault::KilledAfter => shared.callers.kill(self.address).await?,
            _ => {}
        }
        // No answer: the connection is reset, its process gone, or the caller gives up.
        pending().await
    }

    /// What AWS does, where nothing fails.
    async fn take_effect(&self, call: &Call, received: &Received) -> Result<Response<Full<Bytes>>> {
        let shared = &self.shared;
        if call.service == "elasticache" {
            return shared
                .elasticache
                .answer(call, received, &shared.upstream)
                .await;
        }
        let error_response =
            security_group::refuse(call, &shared.elasticache, &shared.upstream).await?;
        if let Some(error_response) = error_response {
            return Ok(error_response.answer(call));
        }
        let answer = shared.upstream.forward(received).await?;
        if call.operation == "CreateSecurityGroup" && answer.status.is_success() {
            // A deletion names the group by its id alone.
            let created = Element::read(&answer.body)?;
            shared.tenants.learn(call, created.text_of("groupId"));
        }
        Ok(respond(answer))
    }
}

/// MiniStack's launcher says before each invocation which state invokes which function for which environment: a function
/// is invoked within MiniStack, and its own calls don't say for what.
fn invocation(headers: &HeaderMap) -> Option<[&str; 3]> {
    let header = |name| headers.get(name)?.to_str().ok();
    Some([
        header("x-envcache-function")?,
        header("x-envcache-environment")?,
        header("x-envcache-state")?,
    ])
}

/// Whether MiniStack itself failed, which it answers without a body. AWS's answer would be an internal error.
fn is_failure_of_ministack(response: &Response<Full<Bytes>>) -> bool {
    response.status().is_server_error() && response.body().size_hint().exact() == Some(0)
}
