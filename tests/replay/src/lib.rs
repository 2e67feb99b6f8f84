//! Replays AWS responses to a real SDK client and records its requests.
//!
//! The responses have the wire format: their bodies and error codes are from AWS's API reference. Those that the tests of
//! several crates need are defined here, by service.

pub mod dynamodb;
pub mod elasticache;
pub mod ssm;

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};

/// A response of AWS.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// Creates a successful response with this body, in the service's format (XML or JSON).
    #[must_use]
    pub fn ok(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            body: body.into(),
        }
    }

    /// Returns the response with `from` replaced by `to` in its body.
    #[must_use]
    pub fn replaced(self, from: &str, to: &str) -> Self {
        Self {
            body: self.body.replace(from, to),
            ..self
        }
    }

    /// Creates an error of a service that responds with XML under `ErrorResponse`, such as ElastiCache
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

    /// Creates an error of EC2
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

    /// Creates an error of a service that responds with JSON, such as Systems Manager and Step Functions.
    #[must_use]
    pub fn json_fault(status: u16, code: &str, message: &str) -> Self {
        Self::fault(
            status,
            json!({ "__type": code, "message": message }).to_string(),
        )
    }

    /// Creates an error with this body.
    #[must_use]
    pub fn fault(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
        }
    }
}

/// An SDK configuration whose clients receive a sequence of responses.
#[derive(Clone, Debug)]
pub struct Replay {
    client: StaticReplayClient,
}

impl Replay {
    /// Creates a replay of these responses. A request after the last of them fails.
    ///
    /// # Panics
    /// Panics if a response isn't valid HTTP.
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

    /// Returns the configuration for a client. Retries are disabled, so each response belongs to one request.
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

    /// Returns the recorded requests to a service that uses forms (EC2, ElastiCache): the fields of each, without the
    /// API version.
    ///
    /// # Panics
    /// Panics if a request's body isn't in memory.
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

    /// Returns the recorded requests to a service that uses JSON: the operation and the body of each.
    ///
    /// # Panics
    /// Panics if a request isn't of that kind.
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

    /// Returns the operations of the recorded forms, in order.
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

/// Creates the fields of a form, for a comparison with [`Replay::forms`].
#[must_use]
pub fn form<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, String> {
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Returns a message of a state after `ResolveNetwork` for the reference setup: its specification and the fields of
/// `more`.
///
/// # Panics
/// Panics if `more` isn't an object.
#[must_use]
pub fn reference(more: Value) -> Value {
    let mut message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "plan": false,
        "belongsHere": false,
        "formerTags": [],
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

/// Returns the IDs of the reference network, as `ResolveNetwork` returns them.
#[must_use]
pub fn network() -> Value {
    json!({
        "vpcId": "vpc-0a1b2c3d4e5f60718",
        "subnetIds": ["subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"],
        "zones": ["ap-southeast-1a", "ap-southeast-1b"],
        "backendSecurityGroupId": "sg-0b1b2c3d4e5f60718"
    })
}

/// Returns the tags of a resource of the reference setup that this stack owns: the owner tags, and those in `more`.
#[must_use]
pub fn owner_tags<'a>(stack: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [
        ("envcache:environment", "bandup"),
        ("envcache:stack", stack),
    ];
    own.iter().chain(more).copied().collect()
}

/// Returns the identity of the reference setup's cache, as its record stores it.
#[must_use]
pub fn identity() -> Value {
    json!({
        "vpcId": "vpc-0a1b2c3d4e5f60718",
        "cacheName": "bandup-redis",
        "securityGroupName": "redis-sg",
        "subnetGroupName": "bandup-cached-subnet-group",
        "parameterPrefix": "/bandup/cache"
    })
}
