//! Simulates parameter groups. MiniStack stores their names, families, descriptions, and tags, and enforces the callers'
//! policies; this module stores the values of their parameters.
//!
//! The error codes come from the API reference. A comment links the reports of AWS's messages, or says that AWS's message isn't
//! known.

use std::collections::BTreeMap;

use anyhow::Result;
use hyper::StatusCode;

use super::parameter::{self, Access, Parameter};
use super::{
    Call, ElastiCache, Element, ErrorResponse, Group, Phase, Received, Reply, State, Upstream,
    invalid_combination, invalid_value, reply_from_answer, reply_from_xml, settings, strict,
};

/// The number of parameter groups in an account and Region, without the default groups. AWS's own default is lower, but the
/// quota is adjustable (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/quota-limits.html>), and the fault matrix
/// creates up to 150 environments in an account.
const MOST_GROUPS: usize = 1000;

/// The number of parameters that a call modifies or resets
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheParameterGroup.html>).
const MOST_PARAMETERS: usize = 20;

/// How long a changed parameter is pending, in simulated seconds. Terraform retries for longer:
/// <https://github.com/hashicorp/terraform-provider-aws/pull/2134>.
const PENDING_SECONDS: f64 = 5.0;

/// A parameter group that a user created.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParameterGroup {
    family: String,
    /// The values that differ from the family's, by the parameter's name.
    values: BTreeMap<String, String>,
    /// The time of each parameter's last modification, in simulated seconds.
    modified: BTreeMap<String, f64>,
    /// The time of the last change, in simulated seconds.
    changed: Option<f64>,
}

impl ElastiCache {
    /// Rejects a call of a parameter group operation.
    pub(super) fn reject_parameter_group(&self, call: &Call) -> Option<ErrorResponse> {
        let name = call.field("CacheParameterGroupName").unwrap_or_default();
        match call.operation.as_str() {
            "CreateCacheParameterGroup" => self.reject_creation(call, name),
            "DescribeCacheParameterGroups" => reject_page(call).or_else(|| {
                let is_named = !name.is_empty();
                is_named.then(|| self.reject_missing(name)).flatten()
            }),
            "DescribeCacheParameters" => reject_page(call).or_else(|| self.reject_missing(name)),
            "DescribeEngineDefaultParameters" => reject_page(call).or_else(|| reject_family(call)),
            // AWS's answers for default groups aren't known. These are RDS's: https://github.com/ankane/pghero/issues/66,
            // https://github.com/awsdocs/amazon-rds-user-guide/issues/14
            "ModifyCacheParameterGroup" | "ResetCacheParameterGroup" => {
                if default_family(name).is_some() {
                    return Some(invalid_value("Cannot modify a default parameter group."));
                }
                self.reject_missing(name)
                    .or_else(|| self.reject_change(call, name))
            }
            "DeleteCacheParameterGroup" => {
                if default_family(name).is_some() {
                    return Some(invalid_state(format!(
                        "Default CacheParameterGroup cannot be deleted: {name}"
                    )));
                }
                self.reject_missing(name).or_else(|| {
                    // https://github.com/aws-controllers-k8s/community/issues/2004
                    self.is_used(name).then(|| {
                        invalid_state(format!(
                            "One or more cache clusters are still members of this parameter group {name}, so the group \
                             cannot be deleted."
                        ))
                    })
                })
            }
            _ => None,
        }
    }

    fn reject_creation(&self, call: &Call, name: &str) -> Option<ErrorResponse> {
        // https://github.com/terraform-aws-modules/terraform-aws-elasticache/pull/11
        if let Some(error_response) = strict::reject_identifier("CacheParameterGroupName", name) {
            return Some(error_response);
        }
        if let Some(error_response) = reject_family(call) {
            return Some(error_response);
        }
        let state = self.state();
        if state.parameter_groups.contains_key(name) {
            // A log in a public repository: "CacheParameterGroupAlreadyExists: Parameter group kong-dev already exists"
            return Some(ErrorResponse::new(
                "CacheParameterGroupAlreadyExists",
                format!("Parameter group {name} already exists"),
            ));
        }
        // AWS's message isn't known.
        (state.parameter_groups.len() >= MOST_GROUPS).then(|| {
            ErrorResponse::new(
                "CacheParameterGroupQuotaExceeded",
                "The request cannot be processed because it would exceed the maximum number of cache parameter groups.",
            )
        })
    }

    /// Rejects a group that doesn't exist: <https://github.com/azavea/terraform-aws-redis-elasticache/issues/12>.
    fn reject_missing(&self, name: &str) -> Option<ErrorResponse> {
        let exists =
            default_family(name).is_some() || self.state().parameter_groups.contains_key(name);
        (!exists).then(|| {
            ErrorResponse::with_status(
                404,
                "CacheParameterGroupNotFound",
                format!("CacheParameterGroup not found: {name}"),
            )
        })
    }

    /// Rejects the modification or the reset of parameters that don't exist or can't be modified, and values that aren't
    /// allowed.
    fn reject_change(&self, call: &Call, name: &str) -> Option<ErrorResponse> {
        let requested = requested(call);
        let is_reset = call.operation == "ResetCacheParameterGroup";
        let resets_all = resets_all(call);
        // AWS's message isn't known. The rule is in
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ResetCacheParameterGroup.html
        if requested.is_empty() != resets_all {
            return Some(invalid_combination(
                "Either ResetAllParameters or at least one parameter must be specified.",
            ));
        }
        if requested.len() > MOST_PARAMETERS {
            // https://github.com/hashicorp/terraform-provider-aws/pull/1221
            return Some(invalid_combination(format!(
                "Cannot modify more than {MOST_PARAMETERS} parameters in a single request"
            )));
        }
        let is_used = self.is_used(name);
        let now = self.clock.now();
        let state = self.state();
        let group = state.parameter_groups.get(name)?;
        let parameters = parameter::of_family(&group.family)?;
        for (name, value) in &requested {
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
                // Of a reset: https://github.com/hashicorp/terraform-provider-aws/pull/17004
                return Some(invalid_value(format!("Parameter {name} doesn't exist")));
            };
            let is_modifiable = match parameter.access() {
                Access::Always => true,
                Access::UnusedGroup => !is_used,
                Access::Never => false,
            };
            if !is_modifiable {
                // https://github.com/cloudposse/terraform-aws-elasticache-redis/issues/212
                return Some(invalid_value(format!(
                    "The parameter {name} cannot be modified."
                )));
            }
            let value = value.as_deref().unwrap_or_default();
            if let Some(allowed) = parameter.rejects(value).filter(|_| !is_reset) {
                // https://github.com/cloudposse/terraform-aws-elasticache-redis/pull/141
                return Some(invalid_value(format!(
                    "invalid parameter value, allowed values are:{allowed}"
                )));
            }
        }
        let is_reset_now =
            |name: &str| resets_all || requested.iter().any(|(requested, _)| requested == name);
        let mut pending = group.modified.iter().filter(|(name, modified)| {
            is_reset && is_reset_now(name) && now < **modified + PENDING_SECONDS
        });
        pending.next().map(|(name, _)| {
            // https://github.com/hashicorp/terraform-provider-aws/pull/1821
            invalid_state(format!(
                "Cannot reset the parameter group because the parameter {name} has pending changes."
            ))
        })
    }

    /// Rejects another parameter group for a cache if a parameter that can't be modified in place has another value in it:
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html>. AWS's message isn't known.
    pub(super) fn reject_other_group(
        &self,
        call: &Call,
        found: Option<&Group>,
    ) -> Option<ErrorResponse> {
        if call.operation != "ModifyReplicationGroup" {
            return None;
        }
        let name = call.field("CacheParameterGroupName")?;
        let current = &found?.configuration.current.engine.parameter_group;
        let state = self.state();
        let (requested, current) = (state.values(name)?, state.values(current)?);
        let differs = |value: &&Value| {
            let is_same = |other: &Value| other.parameter.name == value.parameter.name;
            let other = current.iter().find(|other| is_same(other));
            value.parameter.access() == Access::UnusedGroup
                && other.is_some_and(|other| other.text() != value.text())
        };
        let value = requested.iter().find(differs)?;
        Some(invalid_combination(format!(
            "The parameter {} cannot be modified.",
            value.parameter.name
        )))
    }

    /// Rejects a new cache with data tiering and a policy that this doesn't support:
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html>. AWS's message isn't known.
    pub(super) fn reject_tiered_policy(&self, call: &Call) -> Option<ErrorResponse> {
        let is_tiered = call.operation == "CreateReplicationGroup"
            && call
                .field("CacheNodeType")
                .is_some_and(settings::has_data_tiering);
        let name = call
            .field("CacheParameterGroupName")
            .filter(|_| is_tiered)?;
        let values = self.state().values(name)?;
        let policy = values
            .iter()
            .find(|value| value.parameter.name == "maxmemory-policy")?;
        let is_supported = ["volatile-lru", "allkeys-lru", "noeviction"].contains(&policy.text());
        (!is_supported).then(|| {
            invalid_combination(format!(
                "Data tiering does not support the maxmemory-policy {}.",
                policy.text()
            ))
        })
    }

    /// Returns whether a cache uses a parameter group, also one that is being deleted.
    fn is_used(&self, name: &str) -> bool {
        let now = self.clock.now();
        self.state().groups.values().any(|group| {
            group.configuration.uses(name)
                && Phase::at(&group.lifecycle, group.times, now) != Phase::Deleted
        })
    }

    /// Answers a call of a parameter group operation. MiniStack gets each call first, to store the group and to enforce the
    /// caller's policy.
    pub(super) async fn answer_for_parameter_group(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let answer = upstream.forward(request).await?;
        // MiniStack doesn't have this operation.
        let is_unknown = call.operation == "DescribeEngineDefaultParameters"
            && answer.status == StatusCode::BAD_REQUEST;
        if !answer.status.is_success() && !is_unknown {
            return Ok(reply_from_answer(answer));
        }
        let name = call.field("CacheParameterGroupName").unwrap_or_default();
        match call.operation.as_str() {
            "CreateCacheParameterGroup" | "DescribeCacheParameterGroups" => {
                let mut element = Element::read(&answer.body)?;
                element.each("CacheParameterGroup", &mut |group| {
                    group.set(Element::leaf("IsGlobal", "false"));
                });
                if call.operation == "CreateCacheParameterGroup" {
                    self.create_parameter_group(call, name);
                } else {
                    show_page_of_groups(call, &mut element);
                }
                Ok(reply_from_xml(&element))
            }
            "DescribeCacheParameters" => Ok(self
                .describe_parameters(call, name)
                .map_or_else(|| reply_from_answer(answer), |shown| reply_from_xml(&shown))),
            "DescribeEngineDefaultParameters" => Ok(describe_engine_defaults(call)
                .map_or_else(|| reply_from_answer(answer), |shown| reply_from_xml(&shown))),
            "ModifyCacheParameterGroup" | "ResetCacheParameterGroup" => {
                self.change_parameters(call, name).await;
                Ok(reply_from_answer(answer))
            }
            _ => {
                self.state().parameter_groups.remove(name);
                Ok(reply_from_answer(answer))
            }
        }
    }

    fn create_parameter_group(&self, call: &Call, name: &str) {
        let family = call.field("CacheParameterGroupFamily").unwrap_or_default();
        let group = ParameterGroup {
            family: family.to_owned(),
            ..ParameterGroup::default()
        };
        self.state().parameter_groups.insert(name.to_owned(), group);
    }

    /// Stores the values of a modification, or removes those that are reset, and applies the group to the caches that use it.
    async fn change_parameters(&self, call: &Call, name: &str) {
        let now = self.clock.now();
        let caches: Vec<_> = {
            let mut state = self.state();
            let Some(group) = state.parameter_groups.get_mut(name) else {
                return;
            };
            group.change(call, now);
            let uses = |cache: &&Group| cache.configuration.current.engine.parameter_group == name;
            let caches = state.groups.values().filter(uses);
            caches.map(|cache| cache.id.clone()).collect()
        };
        for cache in caches {
            self.configure_servers(&cache).await;
        }
    }

    fn describe_parameters(&self, call: &Call, name: &str) -> Option<Element> {
        let state = self.state();
        let family = state.family(name)?;
        let source = call.field("Source");
        let elements = state.values(name)?.into_iter().map(|value| {
            let user = value.user.as_deref();
            value.parameter.describe(family, Some(name), user)
        });
        // No parameter of the recorded outputs has the source `engine-default`.
        let elements = elements
            .filter(|element| source.is_none_or(|source| element.text_of("Source") == source));
        let (page, marker) = page(call, "ParameterName", elements.collect());
        let mut result = vec![Element::with("Parameters", page)];
        result.extend(marker);
        Some(Element::with(
            "DescribeCacheParametersResponse",
            [Element::with("DescribeCacheParametersResult", result)],
        ))
    }

    /// Returns the status of a parameter group's last change at the caches that use it.
    pub(super) fn parameter_apply_status(&self, name: &str) -> &'static str {
        let now = self.clock.now();
        let state = self.state();
        let changed = state
            .parameter_groups
            .get(name)
            .and_then(|group| group.changed);
        if changed.is_some_and(|changed| now < changed + PENDING_SECONDS) {
            "applying"
        } else {
            "in-sync"
        }
    }
}

impl ParameterGroup {
    /// Applies a modification or a reset.
    fn change(&mut self, call: &Call, now: f64) {
        self.changed = Some(now);
        if resets_all(call) {
            self.values.clear();
        }
        for (name, value) in requested(call) {
            if call.operation == "ResetCacheParameterGroup" {
                self.values.remove(&name);
            } else {
                self.modified.insert(name.clone(), now);
                self.values.insert(name, value.unwrap_or_default());
            }
        }
    }
}

/// A parameter in a group.
struct Value {
    parameter: Parameter,
    /// The value that a user has set.
    user: Option<String>,
    /// Whether it is in a default group for cluster mode.
    is_cluster_mode: bool,
}

impl Value {
    fn text(&self) -> &str {
        match &self.user {
            Some(value) => value,
            None if self.is_cluster_mode && self.parameter.name == "cluster-enabled" => "yes",
            None => self.parameter.default,
        }
    }
}

impl State {
    fn family<'a>(&'a self, group: &'a str) -> Option<&'a str> {
        default_family(group).or_else(|| Some(self.parameter_groups.get(group)?.family.as_str()))
    }

    /// Returns the parameters of a group, or `None` if those of its family aren't known.
    fn values(&self, group: &str) -> Option<Vec<Value>> {
        let set = self.parameter_groups.get(group).map(|group| &group.values);
        let values = parameter::of_family(self.family(group)?)?
            .into_iter()
            .map(|parameter| Value {
                parameter,
                user: set.and_then(|set| set.get(parameter.name)).cloned(),
                is_cluster_mode: group.ends_with(".cluster.on"),
            });
        Some(values.collect())
    }

    /// Returns the configuration of a server with a parameter group. It contains the parameters that a user can modify,
    /// including ElastiCache's own, which a server doesn't know.
    pub(super) fn configuration(&self, group: &str) -> Vec<(String, String)> {
        let values = self.values(group).unwrap_or_default();
        let mut configuration: Vec<_> = values
            .iter()
            .filter(|value| is_configurable(&value.parameter))
            .map(|value| (value.parameter.name.to_owned(), value.text().to_owned()))
            .collect();
        let limits: Vec<_> = values
            .iter()
            .filter_map(|value| Some((buffer_limit(value.parameter.name)?, value.text())))
            .collect();
        // The server has one setting for both kinds of clients: `normal 0 0 0 pubsub 33554432 8388608 60`.
        let kinds = ["normal", "pubsub"].map(|kind| {
            let mut words = vec![kind];
            words.extend(["hard-limit", "soft-limit", "soft-seconds"].map(|part| {
                let limit = limits
                    .iter()
                    .find(|((of, name), _)| *of == kind && *name == part);
                limit.map_or("0", |(_, value)| *value)
            }));
            words.join(" ")
        });
        if !limits.is_empty() {
            configuration.push(("client-output-buffer-limit".to_owned(), kinds.join(" ")));
        }
        configuration
    }
}

/// Returns whether a server can have a parameter with AWS's name and values. Parameters that only ElastiCache knows are
/// configurable too, because the server ignores them.
fn is_configurable(parameter: &Parameter) -> bool {
    // Valkey's endpoint types are `ip`, `hostname`, and `unknown-endpoint`.
    let is_different = parameter.name == "cluster-preferred-endpoint-type";
    let is_accessible = match parameter.access() {
        Access::Always => true,
        Access::UnusedGroup => parameter.name == "databases",
        Access::Never => false,
    };
    is_accessible && !is_different && buffer_limit(parameter.name).is_none()
}

/// Returns the kind of clients and the part of a limit of output buffers, such as `normal` and `hard-limit`.
fn buffer_limit(parameter: &str) -> Option<(&str, &str)> {
    parameter
        .strip_prefix("client-output-buffer-limit-")?
        .split_once('-')
}

/// Returns the family of a default group.
fn default_family(group: &str) -> Option<&str> {
    let family = group.strip_prefix("default.")?;
    let family = family.strip_suffix(".cluster.on").unwrap_or(family);
    parameter::is_family(family).then_some(family)
}

fn resets_all(call: &Call) -> bool {
    call.field("ResetAllParameters") == Some("true")
}

/// Returns the names and values in a call, in their order.
fn requested(call: &Call) -> Vec<(String, Option<String>)> {
    let mut found: BTreeMap<u32, (Option<String>, Option<String>)> = BTreeMap::new();
    for (field, text) in &call.fields {
        let rest = field.strip_prefix("ParameterNameValues.ParameterNameValue.");
        let Some((number, part)) = rest.and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        let Ok(number) = number.parse() else {
            continue;
        };
        let (name, value) = found.entry(number).or_default();
        match part {
            "ParameterName" => *name = Some(text.clone()),
            _ => *value = Some(text.clone()),
        }
    }
    found
        .into_values()
        .filter_map(|(name, value)| Some((name?, value)))
        .collect()
}

/// Rejects a family that doesn't exist. Source of the message: a log in a public repository, "`CacheParameterGroupFamily`
/// redis7.x is not a valid parameter group family".
fn reject_family(call: &Call) -> Option<ErrorResponse> {
    let family = call.field("CacheParameterGroupFamily").unwrap_or_default();
    (!parameter::is_family(family)).then(|| {
        invalid_value(format!(
            "CacheParameterGroupFamily {family} is not a valid parameter group family"
        ))
    })
}

/// Rejects a page of less than 20 or more than 100 records
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheParameters.html>). The message is RDS's:
/// <https://github.com/hashicorp/terraform-provider-aws/issues/37251>.
fn reject_page(call: &Call) -> Option<ErrorResponse> {
    let records = call.field("MaxRecords")?;
    let is_valid = records
        .parse()
        .is_ok_and(|records: usize| (20..=100).contains(&records));
    (!is_valid).then(|| {
        invalid_value(format!(
            "Invalid value {records} for MaxRecords. Must be between 20 and 100"
        ))
    })
}

/// Returns the requested page of elements, ordered by a child element, and the marker of the next page. AWS's order and the form
/// of its markers aren't known.
fn page(call: &Call, key: &str, mut elements: Vec<Element>) -> (Vec<Element>, Option<Element>) {
    elements.sort_by(|one, other| one.text_of(key).cmp(other.text_of(key)));
    if let Some(marker) = call.field("Marker") {
        elements.retain(|element| element.text_of(key) > marker);
    }
    let records = call.field("MaxRecords").and_then(|text| text.parse().ok());
    let records: usize = records.unwrap_or(100);
    let is_last = elements.len() <= records;
    elements.truncate(records);
    let marker = elements
        .last()
        .filter(|_| !is_last)
        .map(|element| Element::leaf("Marker", element.text_of(key)));
    (elements, marker)
}

/// Reduces an answer with all groups to the requested page.
fn show_page_of_groups(call: &Call, answer: &mut Element) {
    answer.each("DescribeCacheParameterGroupsResult", &mut |result| {
        let groups = result.child("CacheParameterGroups").into_iter();
        let groups = groups.flat_map(Element::children).cloned().collect();
        let (page, marker) = page(call, "CacheParameterGroupName", groups);
        result.set(Element::with("CacheParameterGroups", page));
        result.extend(marker);
    });
}

/// Returns the response to a `DescribeEngineDefaultParameters` call, or `None` if the family's parameters aren't known.
fn describe_engine_defaults(call: &Call) -> Option<Element> {
    let family = call.field("CacheParameterGroupFamily").unwrap_or_default();
    let parameters = parameter::of_family(family)?;
    let elements = parameters
        .iter()
        .map(|parameter| parameter.describe(family, None, None))
        .collect();
    let (page, marker) = page(call, "ParameterName", elements);
    let mut defaults = vec![
        Element::leaf("CacheParameterGroupFamily", family),
        Element::with("Parameters", page),
    ];
    defaults.extend(marker);
    Some(Element::with(
        "DescribeEngineDefaultParametersResponse",
        [Element::with(
            "DescribeEngineDefaultParametersResult",
            [Element::with("EngineDefaults", defaults)],
        )],
    ))
}

fn invalid_state(message: impl Into<String>) -> ErrorResponse {
    ErrorResponse::new("InvalidCacheParameterGroupState", message)
}

#[cfg(test)]
mod tests {
    use super::{ElastiCache, MOST_GROUPS, ParameterGroup, describe_engine_defaults};
    use crate::gateway::call::Call;
    use crate::gateway::clock::Clock;
    use crate::gateway::xml::Element;

    /// A clock on which a parameter is pending for much longer than a test.
    const SLOW: f64 = 1_000.0;

    /// Returns an account with the group `sessions` of the family valkey8.
    fn account(scale: f64) -> ElastiCache {
        let account = ElastiCache::new(Clock::start(scale), None);
        let create = "Action=CreateCacheParameterGroup&CacheParameterGroupFamily=valkey8";
        account.create_parameter_group(&Call::form(create), "sessions");
        account
    }

    fn named(operation: &str, group: &str, fields: &str) -> Call {
        Call::form(&format!(
            "Action={operation}&CacheParameterGroupName={group}{fields}"
        ))
    }

    fn pair(number: usize, name: &str, value: &str) -> String {
        let prefix = format!("ParameterNameValues.ParameterNameValue.{number}");
        format!("&{prefix}.ParameterName={name}&{prefix}.ParameterValue={value}")
    }

    /// Returns the code and the message of the rejection, or empty texts.
    fn rejection(account: &ElastiCache, call: &Call) -> [String; 2] {
        let found = account.reject_parameter_group(call);
        found
            .map(|found| [found.code, found.message])
            .unwrap_or_default()
    }

    #[test]
    fn creation_checks_name_family_and_existing_group() {
        let create = |group: &str, family: &str| {
            let fields = format!("&CacheParameterGroupFamily={family}&Description=a");
            rejection(
                &account(1.0),
                &named("CreateCacheParameterGroup", group, &fields),
            )
        };
        let cases = [
            ("sessions-2", "valkey9", ""),
            ("sessions-2", "redis7", ""),
            ("sessions", "valkey8", "CacheParameterGroupAlreadyExists"),
            ("sessions-2", "valkey8.0", "InvalidParameterValue"),
            ("sessions-2", "redis7.x", "InvalidParameterValue"),
            ("2-sessions", "valkey8", "InvalidParameterValue"),
            ("sessions.2", "valkey8", "InvalidParameterValue"),
            ("sessions--2", "valkey8", "InvalidParameterValue"),
        ];
        for (group, family, expected) in cases {
            assert_eq!(create(group, family)[0], expected, "{group} {family}");
        }
    }

    #[test]
    fn account_has_a_quota_of_groups() {
        let account = account(1.0);
        for number in 1..MOST_GROUPS {
            let name = format!("group-{number}");
            let create = "CacheParameterGroupFamily=valkey8";
            account.create_parameter_group(&Call::form(create), &name);
        }
        let another = "&CacheParameterGroupFamily=valkey8&Description=a";
        let call = named("CreateCacheParameterGroup", "another", another);

        let [code, _] = rejection(&account, &call);

        assert_eq!(code, "CacheParameterGroupQuotaExceeded");
    }

    #[test]
    fn data_tiering_does_not_support_all_policies() {
        let create = |node_type: &str, policy: &str| {
            let account = account(1.0);
            let fields = pair(1, "maxmemory-policy", policy);
            let modify = named("ModifyCacheParameterGroup", "sessions", &fields);
            if let Some(group) = account.state().parameter_groups.get_mut("sessions") {
                group.change(&modify, 0.0);
            }
            let fields = format!("&CacheNodeType={node_type}");
            let call = named("CreateReplicationGroup", "sessions", &fields);
            account.reject_tiered_policy(&call).is_some()
        };
        let cases = [
            ("cache.r6gd.xlarge", "allkeys-lru", false),
            ("cache.r6gd.xlarge", "volatile-ttl", true),
            ("cache.r6g.xlarge", "volatile-ttl", false),
        ];
        for (node_type, policy, expected) in cases {
            assert_eq!(create(node_type, policy), expected, "{node_type} {policy}");
        }
    }

    #[test]
    fn modification_checks_names_and_values() {
        let twenty_one: String = (1..=21)
            .map(|number| pair(number, "timeout", "20"))
            .collect();
        let cases = [
            (pair(1, "timeout", "20"), "", ""),
            (
                pair(1, "timeout", "5"),
                "InvalidParameterValue",
                "invalid parameter value, allowed values are:0,20-",
            ),
            (
                pair(1, "no-such-parameter", "5"),
                "InvalidParameterValue",
                "Parameter no-such-parameter doesn't exist",
            ),
            (
                pair(1, "maxclients", "5"),
                "InvalidParameterValue",
                "The parameter maxclients cannot be modified.",
            ),
            (pair(1, "databases", "5"), "", ""),
            (
                twenty_one,
                "InvalidParameterCombination",
                "Cannot modify more than 20 parameters in a single request",
            ),
        ];
        for (fields, code, message) in cases {
            let call = named("ModifyCacheParameterGroup", "sessions", &fields);

            let found = rejection(&account(1.0), &call);

            assert_eq!(found, [code, message], "{fields}");
        }
    }

    #[test]
    fn default_and_missing_groups_are_not_changed() {
        let timeout = pair(1, "timeout", "20");
        let cases = [
            (
                "ModifyCacheParameterGroup",
                "default.valkey8",
                "InvalidParameterValue",
            ),
            (
                "ResetCacheParameterGroup",
                "default.valkey8.cluster.on",
                "InvalidParameterValue",
            ),
            (
                "DeleteCacheParameterGroup",
                "default.valkey9",
                "InvalidCacheParameterGroupState",
            ),
            (
                "ModifyCacheParameterGroup",
                "missing",
                "CacheParameterGroupNotFound",
            ),
            (
                "DescribeCacheParameters",
                "default.valkey8.0",
                "CacheParameterGroupNotFound",
            ),
            ("DescribeCacheParameters", "default.valkey9", ""),
            ("DeleteCacheParameterGroup", "sessions", ""),
        ];
        for (operation, group, expected) in cases {
            let call = named(operation, group, &timeout);

            let [code, _] = rejection(&account(1.0), &call);

            assert_eq!(code, expected, "{operation} {group}");
        }
    }

    #[test]
    fn reset_names_parameters_or_all_that_are_not_pending() {
        let timeout = pair(1, "timeout", "20");
        let all = "&ResetAllParameters=true";
        let both = format!("{all}{timeout}");
        let samples = pair(1, "maxmemory-samples", "");
        let cases = [
            (timeout.as_str(), 0.000_001, ""),
            (all, 0.000_001, ""),
            (&samples, SLOW, ""),
            (&timeout, SLOW, "InvalidCacheParameterGroupState"),
            (all, SLOW, "InvalidCacheParameterGroupState"),
            (&both, 0.000_001, "InvalidParameterCombination"),
            ("", 0.000_001, "InvalidParameterCombination"),
        ];
        for (fields, scale, expected) in cases {
            let account = account(scale);
            let modify = named("ModifyCacheParameterGroup", "sessions", &timeout);
            let now = account.clock.now();
            if let Some(group) = account.state().parameter_groups.get_mut("sessions") {
                group.change(&modify, now);
            }
            // With the fast clock, more than 5 simulated seconds.
            std::thread::sleep(std::time::Duration::from_millis(1));

            let call = named("ResetCacheParameterGroup", "sessions", fields);
            let [code, _] = rejection(&account, &call);

            assert_eq!(code, expected, "{fields} {scale}");
        }
    }

    #[test]
    fn group_shows_set_values_until_they_are_reset() {
        let mut group = ParameterGroup::default();
        let two = format!("{}{}", pair(1, "timeout", "20"), pair(2, "databases", "4"));
        group.change(&named("ModifyCacheParameterGroup", "a", &two), 1.0);
        assert_eq!(group.values.len(), 2);

        let one = pair(1, "timeout", "");
        group.change(&named("ResetCacheParameterGroup", "a", &one), 2.0);

        let values: Vec<_> = group.values.iter().collect();
        let (name, value) = ("databases".to_owned(), "4".to_owned());
        assert_eq!(values, [(&name, &value)]);
        let all = named("ResetCacheParameterGroup", "a", "&ResetAllParameters=true");
        group.change(&all, 3.0);
        assert!(group.values.is_empty());
    }

    #[test]
    fn server_has_the_values_of_the_group() {
        let account = account(1.0);
        let fields = format!(
            "{}{}",
            pair(1, "maxmemory-policy", "noeviction"),
            pair(2, "client-output-buffer-limit-normal-soft-seconds", "9")
        );
        let modify = named("ModifyCacheParameterGroup", "sessions", &fields);
        let mut state = account.state();
        if let Some(group) = state.parameter_groups.get_mut("sessions") {
            group.change(&modify, 0.0);
        }

        let configuration = state.configuration("sessions");
        let value = |name: &str| {
            let mut found = configuration.iter().filter(|(found, _)| found == name);
            found.next().map(|(_, value)| value.as_str())
        };

        assert_eq!(value("maxmemory-policy"), Some("noeviction"));
        assert_eq!(value("databases"), Some("16"));
        assert_eq!(
            value("client-output-buffer-limit"),
            Some("normal 0 0 9 pubsub 33554432 8388608 60")
        );
        for name in ["maxclients", "cluster-enabled", "appendonly"] {
            assert_eq!(value(name), None, "{name}");
        }
        assert!(state.configuration("default.redis6.x").is_empty());
    }

    #[test]
    fn pages_continue_after_their_marker() {
        let path = [
            "DescribeEngineDefaultParametersResult",
            "EngineDefaults",
            "Parameters",
        ];
        let describe = |more: &str| {
            let fields = format!("CacheParameterGroupFamily=valkey8&MaxRecords=40{more}");
            let answer = describe_engine_defaults(&Call::form(&fields)).expect("parameters");
            let parameters = answer.at(&path).map_or(0, |found| found.children().count());
            let marker = answer.at(&path[..2]).map(|found| found.text_of("Marker"));
            (parameters, marker.unwrap_or_default().to_owned())
        };

        let (first, marker) = describe("");
        let (second, end) = describe(&format!("&Marker={marker}"));

        assert_eq!((first, end.as_str()), (40, ""));
        let all = describe_engine_defaults(&Call::form("CacheParameterGroupFamily=valkey8"));
        let all = all.as_ref().and_then(|answer| answer.at(&path));
        let all = all.into_iter().flat_map(Element::children).count();
        assert_eq!(first + second, all);
    }

    #[test]
    fn pages_have_20_to_100_records() {
        let account = account(1.0);
        for (records, is_valid) in [(19, false), (20, true), (100, true), (101, false)] {
            let fields = format!("&MaxRecords={records}");
            let call = named("DescribeCacheParameters", "sessions", &fields);

            assert_eq!(
                rejection(&account, &call)[0].is_empty(),
                is_valid,
                "{records}"
            );
        }
    }
}
