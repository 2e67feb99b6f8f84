//! An environment's published endpoint in Parameter Store.

use anyhow::Result;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ResourceTypeForTagging;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use contract::Owner;

use crate::account::aws_error;

/// The published endpoint of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The URL.
    Published(String),
    NotPublished,
    /// A call failed, for this reason.
    Unreadable(String),
}

impl Endpoint {
    /// Reads the endpoint from the parameter that holds its URL. Another owner's parameter isn't an endpoint: the
    /// recorded `parameterPrefix` comes from a request, which can name the prefix of another owner.
    pub async fn read(ssm: &Client, owner: &Owner, parameter: &str) -> Self {
        match url(ssm, owner, parameter).await {
            Ok(Some(url)) => Self::Published(url),
            Ok(None) => Self::NotPublished,
            Err(error) => Self::Unreadable(format!("{error:#}")),
        }
    }
}

/// Returns the URL if `owner` owns the parameter. Checks the tags first, so that another owner's value is never read.
async fn url(ssm: &Client, owner: &Owner, parameter: &str) -> Result<Option<String>> {
    let answer = ssm
        .list_tags_for_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id(parameter)
        .send()
        .await;
    let tags = match answer {
        Ok(answer) => answer.tag_list.unwrap_or_default(),
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => {
            return Err(aws_error(
                &format!("ListTagsForResource {parameter}"),
                error,
            ));
        }
    };
    if !owner.owns(tags.iter().map(|tag| (Some(tag.key()), Some(tag.value())))) {
        return Ok(None);
    }
    match ssm.get_parameter().name(parameter).send().await {
        Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(aws_error(&format!("GetParameter {parameter}"), error)),
    }
}

/// Returns whether the parameter doesn't exist. `ListTagsForResource` answers `InvalidResourceId`, and `GetParameter`
/// answers `ParameterNotFound`:
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html>
fn is_missing(error: &impl ProvideErrorMetadata) -> bool {
    matches!(
        error.code(),
        Some("InvalidResourceId" | "ParameterNotFound")
    )
}

#[cfg(test)]
mod tests {
    use aws_sdk_ssm::Client;
    use contract::Owner;
    use replay::ssm::list_tags_for_resource;
    use replay::{Answer, Replay};
    use serde_json::json;

    use super::Endpoint;

    const PARAMETER: &str = "/prod/database/url";
    const URL: &str = "rediss://master.bandup-redis.q68zge.apse1.cache.amazonaws.com:6379";

    fn fault(code: &str) -> Answer {
        Answer::json_fault(400, code, "the reason")
    }

    #[tokio::test]
    async fn reads_a_value_only_after_checking_its_owner() {
        let environment = ("envcache:environment", "bandup");
        let stack = ("envcache:stack", "envcache");
        let own_tags = || list_tags_for_resource(&[environment, stack, ("team", "web")]);
        let value =
            || Answer::ok(json!({ "Parameter": { "Name": PARAMETER, "Value": URL } }).to_string());
        let unreadable = |operation: &str| {
            Endpoint::Unreadable(format!(
                "{operation} {PARAMETER}: AccessDeniedException: the reason"
            ))
        };
        let cases = [
            (
                "owned",
                vec![own_tags(), value()],
                Endpoint::Published(URL.to_owned()),
            ),
            (
                "no tags",
                vec![list_tags_for_resource(&[])],
                Endpoint::NotPublished,
            ),
            (
                "one tag",
                vec![list_tags_for_resource(&[environment])],
                Endpoint::NotPublished,
            ),
            (
                "another stack",
                vec![list_tags_for_resource(&[
                    environment,
                    ("envcache:stack", "other"),
                ])],
                Endpoint::NotPublished,
            ),
            (
                "another environment",
                vec![list_tags_for_resource(&[
                    ("envcache:environment", "prod"),
                    stack,
                ])],
                Endpoint::NotPublished,
            ),
            (
                "missing",
                vec![fault("InvalidResourceId")],
                Endpoint::NotPublished,
            ),
            (
                "deleted between the two calls",
                vec![own_tags(), fault("ParameterNotFound")],
                Endpoint::NotPublished,
            ),
            (
                "denied tags",
                vec![fault("AccessDeniedException")],
                unreadable("ListTagsForResource"),
            ),
            (
                "a denied value",
                vec![own_tags(), fault("AccessDeniedException")],
                unreadable("GetParameter"),
            ),
        ];
        for (case, answers, expected) in cases {
            let count = answers.len();
            let replay = Replay::new(answers);
            let owner = Owner {
                environment: "bandup".to_owned(),
                stack: "envcache".to_owned(),
            };

            let found = Endpoint::read(&Client::new(&replay.config()), &owner, PARAMETER).await;

            assert_eq!(found, expected, "{case}");
            let calls = [
                (
                    "ListTagsForResource".to_owned(),
                    json!({ "ResourceType": "Parameter", "ResourceId": PARAMETER }),
                ),
                ("GetParameter".to_owned(), json!({ "Name": PARAMETER })),
            ];
            assert_eq!(replay.documents(), calls[..count], "{case}");
        }
    }
}
