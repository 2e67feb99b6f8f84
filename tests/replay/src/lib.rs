//! Replays AWS's answers to a real SDK client, and keeps the requests that it made.
//!
//! The answers are what stands on the wire: bodies from AWS's API reference, with its own error codes.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};

/// One answer of AWS.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// A successful answer with this body, XML or JSON as the service speaks it.
    #[must_use]
    pub fn ok(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            body: body.into(),
        }
    }

    /// The same answer with one text in place of another.
    #[must_use]
    pub fn replaced(self, from: &str, to: &str) -> Self {
        Self {
            body: self.body.replace(from, to),
            ..self
        }
    }

    /// A fault of the services that answer in XML under `ErrorResponse`, as ElastiCache does
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/CommonErrors.html>).
    #[must_use]
    pub fn query_fault(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            body: format!(
                "<ErrorResponse xmlns=\"http://elasticache.amazonaws.com/doc/2015-02-02/\"><Error>\
                 <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</RequestId></ErrorResponse>"
            ),
        }
    }

    /// A fault of EC2
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
    #[must_use]
    pub fn ec2_fault(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            body: format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                 <RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
            ),
        }
    }

    /// A fault of the services that answer in JSON, as Systems Manager and Step Functions do.
    #[must_use]
    pub fn json_fault(status: u16, code: &str, message: &str) -> Self {
        Self::fault(
            status,
            json!({ "__type": code, "message": message }).to_string(),
        )
    }

    /// A fault with this body.
    #[must_use]
    pub fn fault(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
        }
    }
}

/// A configuration whose clients get these answers, one after the other.
#[derive(Clone, Debug)]
pub struct Replay {
    client: StaticReplayClient,
}

impl Replay {
    /// A script of answers. A request beyond its end fails.
    ///
    /// # Panics
    /// Where an answer is no HTTP response.
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let events = answers
            .into_iter()
            .map(|answer| {
                let response = http::Response::builder()
                    .status(answer.status)
                    .body(SdkBody::from(answer.body))
                    .expect("a response");
                ReplayEvent::new(http::Request::new(SdkBody::empty()), response)
            })
            .collect();
        Self {
            client: StaticReplayClient::new(events),
        }
    }

    /// The configuration for a client. A fault is not tried again, so that each answer meets one request.
    #[must_use]
    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "replay");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("ap-southeast-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(self.client.clone())
            .build()
    }

    /// The requests made so far to a service that takes forms (EC2, ElastiCache): each as its fields,
    /// without the API's version.
    ///
    /// # Panics
    /// Where a request has no body.
    #[must_use]
    pub fn forms(&self) -> Vec<BTreeMap<String, String>> {
        self.bodies()
            .map(|body| {
                let mut fields: BTreeMap<_, _> =
                    url::form_urlencoded::parse(&body).into_owned().collect();
                fields.remove("Version");
                fields
            })
            .collect()
    }

    /// The requests made so far to a service that takes JSON: each as its operation and its body.
    ///
    /// # Panics
    /// Where a request is not of that kind.
    #[must_use]
    pub fn documents(&self) -> Vec<(String, Value)> {
        self.client
            .actual_requests()
            .map(|request| {
                let target = request.headers().get("x-amz-target").expect("a target");
                let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
                let body = request.body().bytes().expect("a body in memory");
                (operation, serde_json::from_slice(body).expect("JSON"))
            })
            .collect()
    }

    /// The operations of the forms made so far, in their order.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        self.forms()
            .into_iter()
            .filter_map(|mut form| form.remove("Action"))
            .collect()
    }

    fn bodies(&self) -> impl Iterator<Item = Vec<u8>> {
        self.client
            .actual_requests()
            .map(|request| request.body().bytes().expect("a body in memory").to_vec())
    }
}

/// The fields of a form, for a comparison.
#[must_use]
pub fn form<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, String> {
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The message of a state that follows `ResolveNetwork`, for the reference set-up: its specification and
/// network, and what is merged into it.
///
/// # Panics
/// Where the input is not an object.
#[must_use]
pub fn reference(more: Value) -> Value {
    let mut message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "plan": false,
        "spec": {
            "environment": "bandup",
            "network": {
                "vpc": "band-up-vpc",
                "subnets": ["private-database-subnet-1", "private-database-subnet-2"],
                "backendSecurityGroup": "ecs-backend-sg"
            },
            "cache": {
                "name": "bandup-redis",
                "description": "in memory db for bandup",
                "securityGroupName": "redis-sg",
                "subnetGroupName": "bandup-cached-subnet-group",
                "nodeType": "cache.t3.micro",
                "replicas": 0,
                "port": 6379,
                "snapshotRetentionDays": 1
            },
            "parameterPrefix": "/bandup/cache"
        }
    });
    let fields = message.as_object_mut().expect("an object");
    let Value::Object(more) = more else {
        panic!("{more} is not an object");
    };
    fields.extend(more);
    message
}

/// The ids of the reference network, as `ResolveNetwork` answers them.
#[must_use]
pub fn network() -> Value {
    json!({
        "vpcId": "vpc-0a1b2c3d4e5f60718",
        "subnetIds": ["subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"],
        "zones": ["ap-southeast-1a", "ap-southeast-1b"],
        "backendSecurityGroupId": "sg-0b1b2c3d4e5f60718"
    })
}
