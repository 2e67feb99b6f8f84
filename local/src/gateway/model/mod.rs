//! Checks each request and response of the functions and state machines against botocore's service models.
//!
//! `service` reads a model; `shape` checks a value; `request`, `response`, and `error` read values from HTTP messages.

mod error;
#[cfg(test)]
mod examples;
mod request;
mod response;
mod service;
mod shape;
#[cfg(test)]
mod tests;

use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::Result;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::Bytes;
use serde_json::Value;

use super::call::Call;
use super::error_response::ErrorResponse;
use service::{Operation, Service};
use shape::Violation;

/// A model that is read when it is first used.
type Model = LazyLock<Result<Service>>;

/// The services that the functions and the state machines call, by their names in signatures.
static MODELS: [(&str, Model); 8] = [
    ("dynamodb", LazyLock::new(|| Service::read("dynamodb"))),
    ("ec2", LazyLock::new(|| Service::read("ec2"))),
    (
        "elasticache",
        LazyLock::new(|| Service::read("elasticache")),
    ),
    ("events", LazyLock::new(|| Service::read("events"))),
    ("kms", LazyLock::new(|| Service::read("kms"))),
    ("logs", LazyLock::new(|| Service::read("logs"))),
    ("ssm", LazyLock::new(|| Service::read("ssm"))),
    ("states", LazyLock::new(|| Service::read("stepfunctions"))),
];

/// The error code of a call that violates a model. No service has this code.
const CODE: &str = "ModelViolation";

/// The side of a call that violates a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

/// Checks a gateway's calls, and collects the violations.
#[derive(Default)]
pub struct Models {
    violations: Mutex<Vec<String>>,
}

impl Models {
    /// Starts reading the models in the background, so that no function waits for EC2's, which takes longest.
    pub(super) fn load() -> Self {
        std::thread::spawn(|| {
            for (_, model) in &MODELS {
                LazyLock::force(model);
            }
        });
        Self::default()
    }

    /// Returns the violations so far, each once.
    pub(super) fn violations(&self) -> Vec<String> {
        self.violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Checks a request. Returns the error that answers it if it violates its service's model.
    pub(super) fn check_request(&self, call: &Call, body: &[u8]) -> Option<ErrorResponse> {
        let found = match find(call) {
            Ok((service, operation)) => request::violations(service, operation, call, body),
            Err(violation) => vec![violation],
        };
        self.error_response(call, Side::Request, &found)
    }

    /// Returns a response as it is, or an error instead if it violates its service's model.
    pub(super) async fn checked(
        &self,
        call: &Call,
        response: Response<Full<Bytes>>,
    ) -> Result<Response<Full<Bytes>>> {
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        let found = match find(call) {
            Ok((service, operation)) => match head.status.as_u16() {
                200 => response::violations(service, operation, &call.operation, &body),
                status => error::violations(service, operation, status, &body),
            },
            Err(violation) => vec![violation],
        };
        Ok(match self.error_response(call, Side::Response, &found) {
            Some(error_response) => error_response.answer(call),
            None => Response::from_parts(head, Full::new(body)),
        })
    }

    /// Records violations, and returns the error that reports them.
    fn error_response(
        &self,
        call: &Call,
        side: Side,
        found: &[Violation],
    ) -> Option<ErrorResponse> {
        let described: Vec<_> = found
            .iter()
            .filter(|violation| side == Side::Request || !violation.is_empty_list())
            .map(|violation| describe(call, side, violation))
            .collect();
        if described.is_empty() {
            return None;
        }
        let message = described.join("; ");
        let mut all = self
            .violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for violation in described {
            if !all.contains(&violation) {
                all.push(violation);
            }
        }
        Some(ErrorResponse::new(CODE, message))
    }
}

/// Finds a call's operation in its service's model.
fn find(call: &Call) -> Result<(&'static Service, &'static Operation), Violation> {
    let violation = |rule: String| Violation::new("", rule, &Value::Null);
    let (_, model) = MODELS
        .iter()
        .find(|(name, _)| *name == call.service)
        .ok_or_else(|| violation("is of a service without a model".to_owned()))?;
    let service = model
        .as_ref()
        .map_err(|error| violation(format!("can't be checked: {error:#}")))?;
    let operation = service
        .operations
        .get(&call.operation)
        .ok_or_else(|| violation("is not an operation of the model".to_owned()))?;
    Ok((service, operation))
}

/// Describes a violation: `ec2 DescribeSubnets response: Subnets[].State is not in the enum …: …`.
fn describe(call: &Call, side: Side, violation: &Violation) -> String {
    let side = match side {
        Side::Request => "request",
        Side::Response => "response",
    };
    let Violation { path, rule, value } = violation;
    let subject = format!("{} {} {side}", call.service, call.operation);
    if path.is_empty() {
        format!("{subject} {rule}: `{value}`")
    } else {
        format!("{subject}: {path} {rule}: `{value}`")
    }
}
