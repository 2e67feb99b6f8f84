//! Service Quotas, which MiniStack doesn't have: AWS's default quotas that `envcache doctor` compares with what exists.

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use super::call::Call;
use super::error_response::ErrorResponse;
use super::reply::Reply;

/// Each quota with its service, name, and default:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/quota-limits.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const QUOTAS: [(&str, &str, u32); 3] = [
    ("elasticache", "Nodes per Region", 300),
    ("elasticache", "Subnet groups per Region", 300),
    ("lambda", "Concurrent executions", 1_000),
];

/// Answers a call. No quota was increased, so `ListServiceQuotas` returns the same as `ListAWSDefaultServiceQuotas`.
pub fn answer(call: &Call) -> Reply {
    match call.operation.as_str() {
        "ListServiceQuotas" | "ListAWSDefaultServiceQuotas" => {
            let request: Value = serde_json::from_str(&call.text).unwrap_or_default();
            let quotas: Vec<_> = QUOTAS
                .iter()
                .filter(|(service, ..)| request["ServiceCode"] == *service)
                .map(|(service, name, value)| {
                    json!({ "ServiceCode": service, "QuotaName": name, "Value": value, "Unit": "None" })
                })
                .collect();
            let body = json!({ "Quotas": quotas }).to_string();
            let mut response = Response::new(Full::new(Bytes::from(body)));
            let json = HeaderValue::from_static("application/x-amz-json-1.1");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response
        }
        operation => ErrorResponse::new(
            "UnknownOperationException",
            format!("{operation} isn't simulated"),
        )
        .answer(call),
    }
}
