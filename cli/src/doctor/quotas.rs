//! The account's quotas that environments reach first, and how much of them is used.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_sdk_elasticache::Client as ElastiCache;
use aws_sdk_servicequotas::Client as ServiceQuotas;
use aws_sdk_servicequotas::types::ServiceQuota;

use super::CheckResult;
use crate::account::{aws_error, denied_operation};

/// The names of ElastiCache's quotas that each new environment uses up:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/quota-limits.html>.
const NODES: &str = "Nodes per Region";
const SUBNET_GROUPS: &str = "Subnet groups per Region";
/// The name of Lambda's quota that all runs share:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const CONCURRENCY: &str = "Concurrent executions";
/// The share of a quota from which on it is nearly used up.
const NEARLY_ALL: f64 = 0.8;
/// Fewer concurrent functions delay many runs at once, as `docs/benchmarks.md` shows for a new account.
const LOW_CONCURRENCY: f64 = 100.0;

/// A quota for resources.
#[derive(Clone, Copy, Debug)]
struct Usage {
    name: &'static str,
    /// How many exist.
    used: i32,
    /// How many may exist, if Service Quotas returns it.
    quota: Option<f64>,
}

/// Compares the quotas for nodes and subnet groups with what exists, and shows Lambda's concurrency.
pub(super) async fn check(settings: &SdkConfig) -> Result<(CheckResult, String)> {
    match read(settings).await {
        Ok((usages, concurrency)) => Ok(assess(&usages, concurrency)),
        Err(error) => match denied_operation(&error) {
            Some(operation) => {
                let message =
                    format!("{operation} is denied to this caller; the functions don't need it");
                Ok((CheckResult::Warning, message))
            }
            None => Err(error),
        },
    }
}

async fn read(settings: &SdkConfig) -> Result<([Usage; 2], Option<f64>)> {
    let client = ServiceQuotas::new(settings);
    let elasticache = quotas(&client, "elasticache").await?;
    let lambda = quotas(&client, "lambda").await?;
    let client = ElastiCache::new(settings);
    let usage = |name, used| Usage {
        name,
        used,
        quota: elasticache.get(name).copied(),
    };
    Ok((
        [
            usage(NODES, nodes(&client).await?),
            usage(SUBNET_GROUPS, subnet_groups(&client).await?),
        ],
        lambda.get(CONCURRENCY).copied(),
    ))
}

/// Returns a service's quotas by name: the account's own, and AWS's defaults for those that `ListServiceQuotas` omits
/// (<https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html>).
async fn quotas(client: &ServiceQuotas, service: &str) -> Result<BTreeMap<String, f64>> {
    let defaults: Vec<ServiceQuota> = client
        .list_aws_default_service_quotas()
        .service_code(service)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| aws_error("ListAWSDefaultServiceQuotas", error))?;
    let applied: Vec<ServiceQuota> = client
        .list_service_quotas()
        .service_code(service)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| aws_error("ListServiceQuotas", error))?;
    let all = defaults.into_iter().chain(applied);
    Ok(all
        .filter_map(|quota| Some((quota.quota_name?, quota.value?)))
        .collect())
}

async fn nodes(client: &ElastiCache) -> Result<i32> {
    let clusters: Vec<_> = client
        .describe_cache_clusters()
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| aws_error("DescribeCacheClusters", error))?;
    Ok(clusters
        .iter()
        .filter_map(|cluster| cluster.num_cache_nodes)
        .sum())
}

async fn subnet_groups(client: &ElastiCache) -> Result<i32> {
    let groups: Vec<_> = client
        .describe_cache_subnet_groups()
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| aws_error("DescribeCacheSubnetGroups", error))?;
    Ok(i32::try_from(groups.len())?)
}

/// Returns the worst result of the quotas, and a message that shows all of them.
fn assess(usages: &[Usage], concurrency: Option<f64>) -> (CheckResult, String) {
    let is_low = concurrency.is_some_and(|limit| limit < LOW_CONCURRENCY);
    let result = if usages.iter().any(|usage| usage.is_at(1.0)) {
        CheckResult::Failed
    } else if is_low || usages.iter().any(|usage| usage.is_at(NEARLY_ALL)) {
        CheckResult::Warning
    } else {
        CheckResult::Ok
    };
    let limit = |quota: Option<f64>| {
        quota.map_or_else(
            || "an unknown quota".to_owned(),
            |quota| format!("{quota:.0}"),
        )
    };
    let mut shown: Vec<_> = usages
        .iter()
        .map(|usage| format!("{}: {} of {}", usage.name, usage.used, limit(usage.quota)))
        .collect();
    shown.push(format!("{CONCURRENCY} of Lambda: {}", limit(concurrency)));
    let shown = shown.join(", ");
    if result == CheckResult::Ok {
        return (result, shown);
    }
    let to_raise = usages
        .iter()
        .filter(|usage| usage.is_at(NEARLY_ALL))
        .map(|usage| usage.name)
        .chain(is_low.then_some(CONCURRENCY));
    let names: Vec<_> = to_raise.map(|name| format!("`{name}`")).collect();
    let message = format!(
        "{shown}. To create more environments, request an increase of {} in Service Quotas",
        names.join(" and ")
    );
    (result, message)
}

impl Usage {
    /// Returns whether at least this share of the quota is used.
    fn is_at(&self, share: f64) -> bool {
        self.quota
            .is_some_and(|quota| f64::from(self.used) >= quota * share)
    }
}

#[cfg(test)]
mod tests {
    use replay::{Answer, Replay};

    use super::{CheckResult, NODES, SUBNET_GROUPS, Usage, assess, check};

    #[test]
    fn nearly_used_quota_is_reported_before_it_fails_runs() {
        let cases = [
            (10, 10, Some(1_000.0), CheckResult::Ok, "1000"),
            (239, 10, Some(1_000.0), CheckResult::Ok, "1000"),
            (
                240,
                10,
                Some(1_000.0),
                CheckResult::Warning,
                "1000. To create more environments, request an increase of `Nodes per Region` in Service Quotas",
            ),
            (
                240,
                300,
                Some(1_000.0),
                CheckResult::Failed,
                "1000. To create more environments, request an increase of `Nodes per Region` and `Subnet groups per Region` \
                 in Service Quotas",
            ),
            (
                10,
                10,
                Some(10.0),
                CheckResult::Warning,
                "10. To create more environments, request an increase of `Concurrent executions` in Service Quotas",
            ),
            (10, 10, None, CheckResult::Ok, "an unknown quota"),
        ];
        for (nodes, groups, concurrency, expected, end) in cases {
            let usages = [(NODES, nodes), (SUBNET_GROUPS, groups)].map(|(name, used)| Usage {
                name,
                used,
                quota: Some(300.0),
            });

            let (result, message) = assess(&usages, concurrency);

            assert_eq!(result, expected, "{message}");
            let text = format!(
                "Nodes per Region: {nodes} of 300, Subnet groups per Region: {groups} of 300, Concurrent executions of \
                 Lambda: {end}"
            );
            assert_eq!(message, text);
        }
    }

    /// The answer of <https://docs.aws.amazon.com/cli/latest/reference/service-quotas/list-service-quotas.html>, shortened.
    fn list(quotas: &[(&str, f64)]) -> Answer {
        let quotas: Vec<_> = quotas
            .iter()
            .map(|(name, value)| {
                format!("{{\"ServiceCode\":\"elasticache\",\"QuotaName\":\"{name}\",\"Value\":{value},\"Unit\":\"None\"}}")
            })
            .collect();
        Answer::ok(format!("{{\"Quotas\":[{}]}}", quotas.join(",")))
    }

    /// The answer of <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheClusters.html>,
    /// shortened: a node of a replication group, and a Memcached cluster with two nodes.
    fn clusters() -> Answer {
        Answer::ok(
            "<DescribeCacheClustersResponse><DescribeCacheClustersResult><CacheClusters>\
             <CacheCluster><CacheClusterId>bandup-redis-001</CacheClusterId><NumCacheNodes>1</NumCacheNodes></CacheCluster>\
             <CacheCluster><CacheClusterId>simcoprod</CacheClusterId><NumCacheNodes>2</NumCacheNodes></CacheCluster>\
             </CacheClusters></DescribeCacheClustersResult></DescribeCacheClustersResponse>",
        )
    }

    fn groups() -> Answer {
        Answer::ok(
            "<DescribeCacheSubnetGroupsResponse><DescribeCacheSubnetGroupsResult><CacheSubnetGroups>\
             <CacheSubnetGroup><CacheSubnetGroupName>default</CacheSubnetGroupName></CacheSubnetGroup>\
             </CacheSubnetGroups></DescribeCacheSubnetGroupsResult></DescribeCacheSubnetGroupsResponse>",
        )
    }

    #[tokio::test]
    async fn applied_quota_replaces_the_default() {
        let replay = Replay::new([
            list(&[(NODES, 300.0), (SUBNET_GROUPS, 300.0)]),
            list(&[(NODES, 500.0)]),
            list(&[("Concurrent executions", 1_000.0)]),
            list(&[]),
            clusters(),
            groups(),
        ]);

        let (result, message) = check(&replay.config()).await.expect("answers");

        assert_eq!(result, CheckResult::Ok);
        assert_eq!(
            message,
            "Nodes per Region: 3 of 500, Subnet groups per Region: 1 of 300, Concurrent executions of Lambda: 1000"
        );
    }

    #[tokio::test]
    async fn denied_call_is_a_warning() {
        let denied = Answer::json_fault(400, "AccessDeniedException", "no");
        let replay = Replay::new([denied]);

        let (result, message) = check(&replay.config()).await.expect("an answer");

        assert_eq!(result, CheckResult::Warning);
        assert_eq!(
            message,
            "ListAWSDefaultServiceQuotas is denied to this caller; the functions don't need it"
        );
    }
}
