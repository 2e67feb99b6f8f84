//! AWS error responses in each protocol.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::call::{Call, Protocol};
use super::xml::Element;

/// An AWS error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The HTTP status.
    pub status: u16,
    /// The error code on the wire.
    pub code: String,
    pub message: String,
}

impl ErrorResponse {
    /// Creates an error with HTTP status 400.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    /// Creates an error with another HTTP status.
    #[must_use]
    pub fn with_status(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// Returns the response to a call, in the call's protocol:
    /// [EC2](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html),
    /// [query](https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization),
    /// [JSON](https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization).
    #[must_use]
    pub fn answer(&self, call: &Call) -> Response<Full<Bytes>> {
        let leaf = |name: &str, text: &str| Element::leaf(name, text);
        let (kind, body) = match call.protocol {
            Protocol::Ec2 => {
                let error = Element::with(
                    "Error",
                    [leaf("Code", &self.code), leaf("Message", &self.message)],
                );
                let response = Element::with(
                    "Response",
                    [
                        Element::with("Errors", [error]),
                        leaf("RequestID", REQUEST_ID),
                    ],
                );
                ("text/xml;charset=UTF-8", response.to_bytes())
            }
            Protocol::Query => {
                let fault = if self.status < 500 {
                    "Sender"
                } else {
                    "Receiver"
                };
                let error = Element::with(
                    "Error",
                    [
                        leaf("Type", fault),
                        leaf("Code", &self.code),
                        leaf("Message", &self.message),
                    ],
                );
                let response =
                    Element::with("ErrorResponse", [error, leaf("RequestId", REQUEST_ID)]);
                ("text/xml", response.to_bytes())
            }
            Protocol::Json | Protocol::Rest => (
                "application/x-amz-json-1.1",
                Bytes::from(json!({ "__type": self.code, "message": self.message }).to_string()),
            ),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        response.headers_mut().insert(
            hyper::header::CONTENT_TYPE,
            hyper::header::HeaderValue::from_static(kind),
        );
        response
    }
}

/// The ID of every request. AWS's IDs are unique, but no caller reads them.
const REQUEST_ID: &str = "5c6b1a1e-0000-4000-8000-000000000000";
