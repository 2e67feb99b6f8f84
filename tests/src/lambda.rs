//! Runs a function's binary against a local Lambda runtime API and a simulated AWS in which no resource exists and
//! every write is denied, or against an emulator.
//!
//! Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use local::gateway::call::{Call, Protocol};
use local::gateway::fault::Fault;
use local::{REGION, build};

/// The path of Lambda's runtime API.
pub const RUNTIME_PATH: &str = "/2018-06-01/runtime/";
/// The headers of an invocation.
pub const HEADERS: [(&str, &str); 4] = [
    (
        "lambda-runtime-aws-request-id",
        "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    ),
    ("lambda-runtime-deadline-ms", "4102444800000"),
    (
        "lambda-runtime-trace-id",
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
    ),
    (
        "lambda-runtime-invoked-function-arn",
        "arn:aws:lambda:ap-southeast-1:123456789012:function:step",
    ),
];
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the environment variables that Lambda sets for a function with this name, whose runtime API has this address
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>). The credentials are those of the simulators.
#[must_use]
pub fn environment(name: &str, runtime_api: SocketAddr) -> [(&'static str, String); 11] {
    [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        // Lambda sets this because of the template's LoggingConfig.
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "none".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "none".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        // Python's SDK, which the benchmarks compare, reads only this one.
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

/// A running function. Dropping it kills its process.
pub struct Function {
    process: Child,
    /// The log that it writes to standard output.
    log: NamedTempFile,
    runtime: Runtime,
    events: mpsc::UnboundedSender<Bytes>,
    answers: mpsc::UnboundedReceiver<Answer>,
    calls: Arc<Mutex<Vec<String>>>,
}

/// A function's response to an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Returned(Value),
    Failed { error: String, message: String },
}

struct Server {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Bytes>>,
    answers: mpsc::UnboundedSender<Answer>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Function {
    /// Starts the program of a function of the template. If `variables` has `AWS_ENDPOINT_URL`, the function calls that
    /// emulator instead of the simulated AWS, and `take_calls` returns nothing.
    ///
    /// # Errors
    /// Returns an error if the program isn't built.
    pub fn start(logical_id: &str, variables: &[(&str, &str)]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let (events, received) = mpsc::unbounded_channel();
        let (sent, answers) = mpsc::unbounded_channel();
        let calls = Arc::default();
        let server = Arc::new(Server {
            events: tokio::sync::Mutex::new(received),
            answers: sent,
            calls: Arc::clone(&calls),
        });
        runtime.spawn(serve(listener, server));
        let log = NamedTempFile::new()?;
        let process = Command::new(build::function(logical_id)?)
            .env_clear()
            .envs(environment(logical_id, address))
            .env("AWS_ENDPOINT_URL", format!("http://{address}"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.reopen()?)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            process,
            log,
            runtime,
            events,
            answers,
            calls,
        })
    }

    /// Sends an event and waits for the function's answer.
    ///
    /// # Errors
    /// Returns an error if the process has ended or doesn't answer in time.
    pub fn invoke(&mut self, event: &Value) -> Result<Answer> {
        self.events.send(Bytes::from(event.to_string()))?;
        let answer = self.runtime.block_on(async {
            tokio::time::timeout(INVOCATION_TIMEOUT, self.answers.recv()).await
        });
        match answer {
            Ok(Some(answer)) => Ok(answer),
            _ => Err(anyhow!(
                "no answer within {INVOCATION_TIMEOUT:?}; the process: {:?}",
                self.process.try_wait()
            )),
        }
    }

    /// Returns the lines of its log as JSON.
    ///
    /// # Errors
    /// Returns an error if a line isn't JSON.
    pub fn log(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.log.path())?;
        text.lines()
            .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
            .collect()
    }

    /// Returns the AWS operations that it called since the last call of this method.
    #[must_use]
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn serve(listener: TcpListener, server: Arc<Server>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without this option, Nagle's algorithm delays responses.
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        let service = service_fn(move |request| {
            let server = Arc::clone(&server);
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let body = body.unwrap_or_default();
        match head.uri.path().strip_prefix(RUNTIME_PATH) {
            Some("invocation/next") => self.next().await,
            Some(path) if path.ends_with("/error") => {
                let report: Value = serde_json::from_slice(&body).unwrap_or_default();
                let text = |field: &str| report[field].as_str().unwrap_or_default().to_owned();
                self.accept(Answer::Failed {
                    error: text("errorType"),
                    message: text("errorMessage"),
                })
            }
            Some(_) => self.accept(Answer::Returned(
                serde_json::from_slice(&body).unwrap_or_default(),
            )),
            None => {
                let call = Call::read(&head.headers, &body);
                self.calls
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(call.operation.clone());
                if !is_read_only(&call.operation) {
                    return error_response(Fault::AccessDenied, &call).unwrap_or_default();
                }
                error_response(Fault::NotYetVisible, &call).unwrap_or_else(|| empty_response(&call))
            }
        }
    }

    /// Waits for the next event and returns it.
    async fn next(&self) -> Response<Full<Bytes>> {
        let event = self.events.lock().await.recv().await;
        let mut response = Response::new(Full::new(event.unwrap_or_default()));
        for (name, value) in HEADERS {
            let value = hyper::header::HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }

    fn accept(&self, answer: Answer) -> Response<Full<Bytes>> {
        // Sending fails only if the `Function` was dropped.
        let _ = self.answers.send(answer);
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    }
}

/// Returns whether an operation is read-only.
#[must_use]
pub fn is_read_only(operation: &str) -> bool {
    ["Describe", "Get", "List", "Scan"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

fn error_response(fault: Fault, call: &Call) -> Option<Response<Full<Bytes>>> {
    fault
        .error_response(call)
        .map(|response| response.answer(call))
}

/// Returns a successful response without resources.
fn empty_response(call: &Call) -> Response<Full<Bytes>> {
    let operation = &call.operation;
    let body = match call.protocol {
        Protocol::Ec2 => format!("<{operation}Response/>"),
        Protocol::Query => {
            format!("<{operation}Response><{operation}Result/></{operation}Response>")
        }
        Protocol::Json | Protocol::Rest => "{}".to_owned(),
    };
    Response::new(Full::new(Bytes::from(body)))
}
