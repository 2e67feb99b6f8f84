//! What a function sees of Lambda and AWS in one run: the runtime API with one event, and AWS's answers to its calls.
//!
//! Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::convert::Infallible;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use envcache_tests::lambda::{HEADERS, RUNTIME_PATH};

use super::call::Call;
use super::step::{Answer, Step, next_answer};
use super::valkey;

/// The variables with the URLs of AWS, in general and for each service that functions call
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>).
const ENDPOINT_URLS: [&str; 9] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_ELASTICACHE",
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_SFN",
    "AWS_ENDPOINT_URL_SSM",
];

/// How a function reaches AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over HTTP.
    Plain,
    /// Over HTTPS, as on AWS.
    Tls,
}

/// The servers of one run. Each run has its own, so that a late request of one run can't take the event of the next.
/// Dropping it stops them.
pub struct Server {
    /// The address of the runtime API.
    pub runtime_api: SocketAddr,
    /// The values of `ENDPOINT_URLS`. Each service has its own port, as it has its own host on AWS: the clients of the Rust
    /// SDK share their connections to a host, and boto3's don't.
    pub endpoint_urls: Vec<(&'static str, String)>,
    shared: Arc<Shared>,
    finished: Receiver<Finished>,
    tasks: Vec<JoinHandle<()>>,
}

/// The function's answer to the event.
#[derive(Debug)]
pub struct Finished {
    /// When the function first asked for an event, if it did.
    pub ready: Option<Instant>,
    /// When its answer arrived.
    pub answered: Instant,
    /// The error that it reported instead of an output.
    pub error: Option<String>,
}

struct Shared {
    event: Bytes,
    ready: OnceLock<Instant>,
    answers: Mutex<Vec<Answer>>,
    calls: Mutex<Vec<Call>>,
    finished: Sender<Finished>,
}

impl Server {
    /// Starts the servers for a step. Valkey is served too, at the endpoint that the event of `verify-endpoint` then names.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub fn start(
        runtime: &Runtime,
        acceptor: &TlsAcceptor,
        step: &Step,
        transport: Transport,
    ) -> Result<Self> {
        let listen = || runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let (lambda, cache) = (listen()?, listen()?);
        let runtime_api = lambda.local_addr()?;
        let mut event = step.event.clone();
        if let Some(endpoint) = event.pointer_mut("/endpoints/primary")
            && step.answers.is_empty()
        {
            endpoint["port"] = cache.local_addr()?.port().into();
        }
        let (sender, finished) = channel();
        let shared = Arc::new(Shared {
            event: Bytes::from(event.to_string()),
            ready: OnceLock::new(),
            answers: Mutex::new(step.answers.clone()),
            calls: Mutex::default(),
            finished: sender,
        });
        let mut tasks = vec![
            runtime.spawn(serve(lambda, None, Arc::clone(&shared))),
            runtime.spawn(valkey::serve(cache, acceptor.clone())),
        ];
        let (scheme, service_acceptor) = match transport {
            Transport::Plain => ("http", None),
            Transport::Tls => ("https", Some(acceptor)),
        };
        let mut endpoint_urls = Vec::new();
        for variable in ENDPOINT_URLS {
            let listener = listen()?;
            let url = format!("{scheme}://{}", listener.local_addr()?);
            endpoint_urls.push((variable, url));
            let acceptor = service_acceptor.cloned();
            tasks.push(runtime.spawn(serve(listener, acceptor, Arc::clone(&shared))));
        }
        Ok(Self {
            runtime_api,
            endpoint_urls,
            shared,
            finished,
            tasks,
        })
    }

    /// Waits for the function's answer. Returns none if there is none in time.
    pub fn wait(&self, timeout: Duration) -> Option<Finished> {
        self.finished.recv_timeout(timeout).ok()
    }

    /// Returns the AWS calls that the function made.
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.shared.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without this option, Nagle's algorithm delays responses.
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve_stream(stream, acceptor.clone(), Arc::clone(&shared)));
    }
}

async fn serve_stream(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    match acceptor {
        None => serve_connection(stream, shared).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => serve_connection(stream, shared).await,
            Err(error) => eprintln!("TLS handshake: {error}"),
        },
    }
}

async fn serve_connection<S>(stream: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.respond(request).await) }
    });
    // It fails when the function's process is killed.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let received = Instant::now();
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let body = body.unwrap_or_default();
        match head.uri.path().strip_prefix(RUNTIME_PATH) {
            Some("invocation/next") => {
                if self.ready.set(received).is_err() {
                    // There is only one event.
                    pending::<()>().await;
                }
                self.event()
            }
            Some(path) => {
                let error = (!path.ends_with("/response"))
                    .then(|| String::from_utf8_lossy(&body).into_owned());
                // Sending fails only if the run has ended.
                let _ = self.finished.send(Finished {
                    ready: self.ready.get().copied(),
                    answered: received,
                    error,
                });
                response(StatusCode::ACCEPTED, Bytes::new())
            }
            None => self.answer(Call::read(&head.headers, &body)),
        }
    }

    fn event(&self) -> Response<Full<Bytes>> {
        let mut response = response(StatusCode::OK, self.event.clone());
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        for (name, value) in HEADERS {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn answer(&self, call: Call) -> Response<Full<Bytes>> {
        let answer = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            next_answer(&mut answers, &call.operation)
        };
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        let Some(answer) = answer else {
            // A step fails with this status, and doesn't retry.
            return response(StatusCode::BAD_REQUEST, Bytes::from_static(b"unexpected"));
        };
        let (kind, body) = answer.content();
        let mut response = response(StatusCode::OK, body);
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}
