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
    /// The description that Parameter Store shows.
    pub description: String,
}

/// Returns the parameters of a cache with these endpoints, below `prefix`.
///
/// Only a cache with replicas has `reader-endpoint`.
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

/// Returns the parameter that an earlier cache with replicas may have left, if these endpoints don't include a reader.
#[must_use]
pub fn outdated(prefix: &str, endpoints: &Endpoints) -> Option<String> {
    endpoints
        .reader
        .is_none()
        .then(|| format!("{prefix}/{READER_ENDPOINT}"))
}

/// Returns the names of all parameters that an endpoint may be published in.
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
    fn publishes_four_parameters_without_replicas() {
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
    fn reader_endpoint_is_outdated_without_replicas() {
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
    fn names_include_every_published_parameter() {
        let all = published(&Endpoints {
            primary: endpoint("primary"),
            reader: Some(endpoint("replica")),
        });
        let published: Vec<_> = all.into_iter().map(|(name, _)| name).collect();

        assert_eq!(names("/bandup/cache"), published[..]);
    }

    #[test]
    fn publishes_reader_endpoint_with_replicas() {
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
