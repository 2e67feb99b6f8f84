//! A call of AWS's interface, read from its HTTP request.

use hyper::HeaderMap;
use hyper::body::Bytes;

/// How a service writes its requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A form in, XML out: ElastiCache, IAM, CloudFormation.
    Query,
    /// A form in, XML of its own kind out: EC2.
    Ec2,
    /// JSON both ways: Systems Manager, Step Functions, EventBridge.
    Json,
    /// Paths and methods: Lambda, S3. Such calls pass through.
    Rest,
}

/// A call: which operation of which service, by whom, with what.
#[derive(Clone, Debug)]
pub struct Call {
    /// The caller's access key.
    pub access_key: String,
    /// The state that makes this call itself, without a function, as MiniStack's launcher says.
    pub state: Option<String>,
    /// The name that the service's requests are signed for, such as `elasticache`.
    pub service: String,
    /// The operation, as the API reference names it; empty for [`Protocol::Rest`].
    pub operation: String,
    pub protocol: Protocol,
    /// The form's fields in their order; none for JSON.
    pub fields: Vec<(String, String)>,
    /// Everything that it says, as text to search in.
    pub text: String,
}

/// A call that a state made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordedCall {
    /// The state.
    pub step: String,
    /// Whether its function made it, and not the state by itself.
    pub by_function: bool,
    /// The service, as its requests are signed for it, such as `elasticache`.
    pub service: String,
    /// The operation, as the API reference names it.
    pub operation: String,
}

impl Call {
    /// Reads a request. What is signed for no service reads as one of none.
    #[must_use]
    pub fn read(headers: &HeaderMap, body: &Bytes) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (access_key, service) = header("authorization")
            .and_then(signature)
            .map(|(key, service)| (key.to_owned(), service.to_owned()))
            .unwrap_or_default();
        let state = header("x-envcache-state").map(str::to_owned);
        let is_form = header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if let Some(target) = header("x-amz-target") {
            let operation = target.rsplit_once('.').map_or(target, |(_, name)| name);
            return Self {
                access_key,
                state,
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
            service,
            operation,
            protocol,
            fields,
            text,
        }
    }

    /// A field of the form.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }

    /// A field's list, such as `SubnetIds.SubnetIdentifier.1`, `….2`.
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

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The access key and the service of a signature, `Credential=KEY/DATE/REGION/SERVICE/aws4_request`
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

    use super::{Call, Protocol};

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
    fn a_form_tells_its_operation_and_lists() {
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
    fn json_tells_its_operation_in_a_header() {
        let headers = headers("ssm", &[("x-amz-target", "AmazonSSM.PutParameter")]);

        let call = Call::read(&headers, &Bytes::from_static(b"{\"Name\":\"/bandup/url\"}"));

        assert_eq!(call.operation, "PutParameter");
        assert_eq!(call.protocol, Protocol::Json);
        assert!(call.text.contains("/bandup/"));
    }

    #[test]
    fn what_has_no_operation_passes_through() {
        let call = Call::read(&headers("s3", &[]), &Bytes::from_static(b"zip"));

        assert_eq!(call.protocol, Protocol::Rest);
    }
}
