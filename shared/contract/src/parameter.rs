//! The parameters that a backend's task definition reads.

use crate::message::Endpoints;

const READER_ENDPOINT: &str = "reader-endpoint";

/// One parameter: its full name and the value that it should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name with its prefix, such as `/bandup/cache/url`.
    pub name: String,
    /// The value, never a secret.
    pub value: String,
    /// What the value is, for the person who meets it in Parameter Store.
    pub description: String,
}

/// The parameters of a cache with these endpoints, below `prefix`.
///
/// `reader-endpoint` is there only where the cache has replicas to read from.
#[must_use]
pub fn parameters(prefix: &str, environment: &str, endpoints: &Endpoints) -> Vec<Parameter> {
    let primary = &endpoints.primary;
    let parameter = |leaf: &str, value: String, what: &str| Parameter {
        name: format!("{prefix}/{leaf}"),
        value,
        description: format!("{what} of the cache of environment {environment}"),
    };
    let mut all = vec![
        parameter(
            "primary-endpoint",
            primary.to_string(),
            "Primary endpoint (host:port)",
        ),
        parameter("host", primary.host.clone(), "Host of the primary endpoint"),
        parameter(
            "port",
            primary.port.to_string(),
            "Port of the primary endpoint",
        ),
        parameter(
            "url",
            format!("rediss://{primary}"),
            "URL (TLS) of the primary endpoint",
        ),
    ];
    if let Some(reader) = &endpoints.reader {
        all.push(parameter(
            READER_ENDPOINT,
            reader.to_string(),
            "Reader endpoint (host:port)",
        ));
    }
    all
}

/// The parameter that an earlier cache with replicas may have, and that one with these endpoints has not.
#[must_use]
pub fn outdated(prefix: &str, endpoints: &Endpoints) -> Option<String> {
    endpoints
        .reader
        .is_none()
        .then(|| format!("{prefix}/{READER_ENDPOINT}"))
}

/// The name of every parameter that a cache may have been published in.
#[must_use]
pub fn names(prefix: &str) -> [String; 5] {
    ["primary-endpoint", "host", "port", "url", READER_ENDPOINT]
        .map(|leaf| format!("{prefix}/{leaf}"))
}

#[cfg(test)]
mod tests {
    use super::{names, outdated, parameters};
    use crate::message::{Endpoint, Endpoints};

    fn endpoint(host: &str) -> Endpoint {
        Endpoint {
            host: host.into(),
            port: 6379,
        }
    }

    fn published(endpoints: &Endpoints) -> Vec<(String, String)> {
        parameters("/bandup/cache", "bandup", endpoints)
            .into_iter()
            .map(|parameter| (parameter.name, parameter.value))
            .collect()
    }

    #[test]
    fn a_single_node_publishes_its_primary_endpoint_in_four_forms() {
        let host = "master.bandup-redis.abc123.apse1.cache.amazonaws.com";
        let expected = [
            ("/bandup/cache/primary-endpoint", format!("{host}:6379")),
            ("/bandup/cache/host", host.into()),
            ("/bandup/cache/port", "6379".into()),
            ("/bandup/cache/url", format!("rediss://{host}:6379")),
        ]
        .map(|(name, value)| (name.to_owned(), value));

        let found = published(&Endpoints {
            primary: endpoint(host),
            reader: None,
        });

        assert_eq!(found, expected, "the contract's parameters, no reader");
    }

    #[test]
    fn a_reader_endpoint_is_wanted_or_outdated() {
        let with = |reader| Endpoints {
            primary: endpoint("primary"),
            reader,
        };

        assert_eq!(
            outdated("/bandup/cache", &with(Some(endpoint("replica")))),
            None
        );
        assert_eq!(
            outdated("/bandup/cache", &with(None)).as_deref(),
            Some("/bandup/cache/reader-endpoint")
        );
    }

    #[test]
    fn what_can_be_published_can_be_retracted() {
        let all = published(&Endpoints {
            primary: endpoint("primary"),
            reader: Some(endpoint("replica")),
        });
        let published: Vec<_> = all.into_iter().map(|(name, _)| name).collect();

        assert_eq!(names("/bandup/cache"), published[..]);
    }

    #[test]
    fn replicas_add_the_reader_endpoint() {
        let found = published(&Endpoints {
            primary: endpoint("primary"),
            reader: Some(endpoint("replica")),
        });

        assert_eq!(
            found.last(),
            Some(&(
                "/bandup/cache/reader-endpoint".to_owned(),
                "replica:6379".to_owned()
            ))
        );
    }
}
