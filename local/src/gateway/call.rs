//! Reads an AWS API call from its HTTP request.

use hyper::HeaderMap;
use hyper::body::Bytes;

/// The protocol of a service's requests and responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Form requests and XML responses: ElastiCache, IAM, CloudFormation.
    Query,
    /// Form requests and EC2's own XML responses.
    Ec2,
    /// JSON requests and responses: Systems Manager, Step Functions, EventBridge, DynamoDB, KMS.
    Json,
    /// HTTP methods and paths: Lambda, S3. The gateway forwards such calls.
    Rest,
}

/// A call of an AWS operation.
#[derive(Clone, Debug)]
pub struct Call {
    /// The caller's access key.
    pub access_key: String,
    /// The state whose direct service integration makes this call, which `start.py` adds to the request.
    pub state: Option<String>,
    /// The environment of the function that makes this call, which `start.py` adds to the function's trace.
    pub environment: Option<String>,
    /// The service's name in signatures, such as `elasticache`.
    pub service: String,
    /// The operation's name in the API reference; empty for [`Protocol::Rest`].
    pub operation: String,
    pub protocol: Protocol,
    /// The form's fields in their order; empty for JSON.
    pub fields: Vec<(String, String)>,
    /// The request's values, as text to search in.
    pub text: String,
}

/// A call that a state made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordedCall {
    /// The state's name.
    pub step: String,
    /// Whether the state's function made the call, and not a direct service integration.
    pub by_function: bool,
    /// The service's name in signatures, such as `elasticache`.
    pub service: String,
    /// The operation's name in the API reference.
    pub operation: String,
}

impl Call {
    /// Reads a request. The service is empty if the request isn't signed.
    #[must_use]
    pub fn read(headers: &HeaderMap, body: &Bytes) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (access_key, service) = header("authorization")
            .and_then(signature)
            .map(|(key, service)| (key.to_owned(), service.to_owned()))
            .unwrap_or_default();
        let state = header("x-envcache-state").map(str::to_owned);
        let environment = header("x-amzn-trace-id").and_then(environment_of_trace);
        let is_form = header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if let Some(target) = header("x-amz-target") {
            let operation = target.rsplit_once('.').map_or(target, |(_, name)| name);
            return Self {
                access_key,
                state,
                environment,
                service,
                operation: operation.to_owned(),
                protocol: Protocol::Json,
                fields: Vec::new(),
                text: String::from_utf8_lossy(body).into_owned(),
            };
        }
        let fields: Vec<(String, String)> = if is_form {
            form_urlencoded::parse(body).into_owned().collect()
        } else {
            Vec::new()
        };
        let operation = field(&fields, "Action").unwrap_or_default().to_owned();
        let protocol = match (operation.is_empty(), service.as_str()) {
            (true, _) => Protocol::Rest,
            (false, "ec2") => Protocol::Ec2,
            (false, _) => Protocol::Query,
        };
        let text = fields
            .iter()
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            access_key,
            state,
            environment,
            service,
            operation,
            protocol,
            fields,
            text,
        }
    }

    /// Returns the call of a form.
    #[cfg(test)]
    #[must_use]
    pub fn form(fields: &str) -> Self {
        let form = hyper::header::HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(hyper::header::CONTENT_TYPE, form)]);
        Self::read(&headers, &Bytes::from(fields.to_owned()))
    }

    /// Returns a field of the form.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }

    /// Returns the values of a list field, such as `SubnetIds.SubnetIdentifier.1`, `….2`.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(key, _)| {
                key.strip_prefix(name)
                    .and_then(|rest| rest.strip_prefix('.'))
                    .is_some_and(|rest| rest.rsplit('.').next().is_some_and(is_number))
            })
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// Returns the environment in a trace header, whose fields are separated by semicolons
/// ([X-Ray](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader)).
fn environment_of_trace(header: &str) -> Option<String> {
    let field = header
        .split(';')
        .find_map(|field| field.strip_prefix("Environment="))?;
    (!field.is_empty()).then(|| field.to_owned())
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the access key and the service of a signature, `Credential=KEY/DATE/REGION/SERVICE/aws4_request`
/// ([Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)).
fn signature(authorization: &str) -> Option<(&str, &str)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut scope = credential.split(',').next()?.split('/');
    Some((scope.next()?, scope.nth(2)?))
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::body::Bytes;
    use hyper::header::HeaderValue;

    use super::{Call, Protocol, environment_of_trace};

    fn headers(service: &str, others: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/ap-southeast-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        headers.insert(
            "authorization",
            HeaderValue::from_str(&signature).expect("a header"),
        );
        for (name, value) in others {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn reads_operation_and_lists_of_form() {
        let headers = headers(
            "elasticache",
            &[("content-type", "application/x-www-form-urlencoded")],
        );
        let body = Bytes::from_static(
            b"Action=CreateCacheSubnetGroup&Version=2015-02-02&CacheSubnetGroupName=band%2Dup&\
              SubnetIds.SubnetIdentifier.1=subnet-1&SubnetIds.SubnetIdentifier.2=subnet-2",
        );

        let call = Call::read(&headers, &body);

        assert_eq!(call.access_key, "AKIDEXAMPLE");
        assert_eq!(call.service, "elasticache");
        assert_eq!(call.operation, "CreateCacheSubnetGroup");
        assert_eq!(call.protocol, Protocol::Query);
        assert_eq!(call.field("CacheSubnetGroupName"), Some("band-up"));
        assert_eq!(call.list("SubnetIds"), ["subnet-1", "subnet-2"]);
    }

    #[test]
    fn reads_operation_of_json_request_from_header() {
        let headers = headers("ssm", &[("x-amz-target", "AmazonSSM.PutParameter")]);

        let call = Call::read(&headers, &Bytes::from_static(b"{\"Name\":\"/bandup/url\"}"));

        assert_eq!(call.operation, "PutParameter");
        assert_eq!(call.protocol, Protocol::Json);
        assert!(call.text.contains("/bandup/"));
    }

    #[test]
    fn reads_environment_of_function_from_trace() {
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Environment=bandup";
        let headers = headers(
            "elasticache",
            &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("x-amzn-trace-id", trace),
            ],
        );
        let body = Bytes::from_static(
            b"Action=DescribeEngineDefaultParameters&CacheParameterGroupFamily=valkey8",
        );

        let call = Call::read(&headers, &body);

        assert_eq!(call.environment.as_deref(), Some("bandup"));
    }

    #[test]
    fn trace_names_no_environment_without_the_field_or_its_value() {
        let cases = [
            ("Environment=bandup", Some("bandup")),
            (
                "Root=1-5759e988;Environment=bandup;Sampled=1",
                Some("bandup"),
            ),
            ("Root=1-5759e988;Environment=", None),
            ("Root=1-5759e988;Parent=53995c3f42cd8ad8;Sampled=1", None),
            ("Root=1-5759e988;OtherEnvironment=bandup", None),
            ("", None),
        ];
        for (trace, expected) in cases {
            let found = environment_of_trace(trace);

            assert_eq!(found.as_deref(), expected, "{trace}");
        }
    }

    #[test]
    fn is_rest_call_when_there_is_no_operation() {
        let call = Call::read(&headers("s3", &[]), &Bytes::from_static(b"zip"));

        assert_eq!(call.protocol, Protocol::Rest);
    }
}
