//! The quotas of an account that limit how many environments it can create, and how fast.

use local::gateway::quota::{Limit, Rate, SSM_PAGE, Source};

/// A quota for the number of resources in a Region.
#[derive(Clone, Copy, Debug)]
pub struct ResourceQuota {
    pub name: &'static str,
    pub default: u32,
    /// How many of the resources an environment with the default settings uses.
    pub per_environment: u32,
    pub source: Source,
}

const ELASTICACHE: Source =
    Source::Documented("https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/quota-limits.html");

/// The quotas that each environment uses up.
pub const RESOURCES: [ResourceQuota; 5] = [
    ResourceQuota {
        name: "ElastiCache nodes",
        default: 300,
        per_environment: 1,
        source: ELASTICACHE,
    },
    // A shared subnet group (`network.subnetGroup`) uses none.
    ResourceQuota {
        name: "cache subnet groups",
        default: 300,
        per_environment: 1,
        source: ELASTICACHE,
    },
    ResourceQuota {
        name: "VPC security groups",
        default: 2_500,
        per_environment: 1,
        source: Source::Documented(
            "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
        ),
    },
    ResourceQuota {
        name: "standard parameters",
        default: 10_000,
        per_environment: 4,
        source: Source::Documented(SSM_PAGE),
    },
    ResourceQuota {
        name: "running executions",
        default: 1_000_000,
        per_environment: 1,
        source: Source::Documented(
            "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html",
        ),
    },
];

/// The quota that only environments with `cache.parameters` use up: the others have one of AWS's default groups.
pub const PARAMETER_GROUPS: ResourceQuota = ResourceQuota {
    name: "cache parameter groups",
    default: 300,
    per_environment: 1,
    source: ELASTICACHE,
};

impl ResourceQuota {
    /// Returns how many environments fit into the default quota.
    pub const fn environments(&self) -> u32 {
        self.default / self.per_environment
    }
}

/// The state transitions per second of standard workflows in most Regions. Step Functions delays further transitions.
pub const TRANSITIONS: Limit = Limit {
    rate: Rate::new(800, 800.0),
    source: Source::Documented(
        "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html",
    ),
};

/// Lambda's default concurrency.
pub const LAMBDA_CONCURRENCY: u32 = 1_000;
/// Where it is documented, and that new accounts have less.
pub const LAMBDA_SOURCE: Source =
    Source::Documented("https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html");
/// The concurrency of a new account.
pub const NEW_ACCOUNT_CONCURRENCY: u32 = 10;
/// Where it is from: AWS documents only that it is lower.
pub const NEW_ACCOUNT_SOURCE: Source = Source::Assumed(
    "AWS documents only that new accounts have less; reported in https://github.com/architect/arc.codes/issues/674",
);
/// `PutParameter` with Parameter Store's higher throughput.
pub const HIGHER_PUT_PARAMETER: Limit = Limit {
    rate: Rate::new(10, 10.0),
    source: Source::Documented(SSM_PAGE),
};
/// `GetParameters` with higher throughput, the only operation that functions read parameters with.
pub const HIGHER_GET_PARAMETERS: Limit = Limit {
    rate: Rate::new(1_000, 1_000.0),
    source: Source::Documented(SSM_PAGE),
};

/// The rates and the concurrency of an account.
#[derive(Clone, Debug)]
pub struct Account {
    pub lambda_concurrency: u32,
    /// Whether Parameter Store's higher throughput is enabled.
    pub has_higher_throughput: bool,
    /// The factor by which limits that AWS doesn't document differ from the assumption.
    pub undocumented_factor: f64,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            lambda_concurrency: LAMBDA_CONCURRENCY,
            has_higher_throughput: false,
            undocumented_factor: 1.0,
        }
    }
}

impl Account {
    /// Returns the rate of an operation.
    pub fn rate(&self, service: &str, operation: &str) -> Rate {
        let limit = Limit::of(service, operation);
        match (operation, limit.source) {
            ("PutParameter", _) if self.has_higher_throughput => HIGHER_PUT_PARAMETER.rate,
            // The first is the name of the bucket that operations for reading share by default.
            ("GetParameter" | "GetParameters", _) if self.has_higher_throughput => {
                HIGHER_GET_PARAMETERS.rate
            }
            (_, Source::Assumed(_)) => Rate {
                burst: limit.rate.burst * self.undocumented_factor,
                per_second: limit.rate.per_second * self.undocumented_factor,
            },
            _ => limit.rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, HIGHER_GET_PARAMETERS, HIGHER_PUT_PARAMETER, RESOURCES, ResourceQuota};
    use local::gateway::quota::Rate;

    #[test]
    fn nodes_and_subnet_groups_run_out_first() {
        let fewest = RESOURCES.iter().map(ResourceQuota::environments).min();

        let first = RESOURCES
            .iter()
            .filter(|quota| Some(quota.environments()) == fewest);
        assert!(
            first
                .map(|quota| quota.name)
                .eq(["ElastiCache nodes", "cache subnet groups"])
        );
        assert_eq!(fewest, Some(300));
    }

    #[test]
    fn settings_change_only_their_rates() {
        let account = Account {
            has_higher_throughput: true,
            undocumented_factor: 10.0,
            ..Account::default()
        };
        for (service, operation, expected) in [
            ("ssm", "PutParameter", HIGHER_PUT_PARAMETER.rate),
            ("ssm", "GetParameters", HIGHER_GET_PARAMETERS.rate),
            (
                "elasticache",
                "DescribeReplicationGroups",
                Rate::new(500, 100.0),
            ),
            ("ec2", "CreateSecurityGroup", Rate::new(50, 5.0)),
        ] {
            assert_eq!(account.rate(service, operation), expected, "{operation}");
        }
        for (service, operation, expected) in [
            ("elasticache", "CreateReplicationGroup", Rate::new(50, 10.0)),
            ("ssm", "GetParameters", Rate::new(40, 40.0)),
            ("ssm", "PutParameter", Rate::new(3, 3.0)),
        ] {
            let found = Account::default().rate(service, operation);
            assert_eq!(found, expected, "{operation} by default");
        }
    }
}
