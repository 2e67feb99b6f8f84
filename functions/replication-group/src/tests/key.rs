//! Tests of the KMS key.

use contract::error::ErrorName;
use replay::Answer;
use serde_json::{Value, json};

use super::{
    Aws, KEY_ARN, KEY_ID, absent, accepted, adopting, described, described_key, events, held,
    member, message, no_cluster, owned, same, unowned, with,
};

const ALIAS: &str = "alias/caches";
const OTHER_ARN: &str =
    "arn:aws:kms:ap-southeast-1:123456789012:key/0987dcba-09fe-87dc-65ba-ab0987654321";

/// Returns the message of a request that names this key.
fn naming(key: &str) -> Value {
    message(&json!({ "kmsKey": key }))
}

/// Returns the message to `PlanReplicationGroup`.
fn plan(message: Value) -> Value {
    with(message, &json!({ "plan": true }))
}

/// Returns ElastiCache's answers for an available group with a key, or with AWS's default key.
fn encrypted_with(key: Option<&'static str>) -> Vec<Answer> {
    let group = described("available", |body| match key {
        Some(arn) => {
            let element = format!("<KmsKeyId>{arn}</KmsKeyId><CacheNodeType>");
            body.replace("<CacheNodeType>", &element)
        }
        None => body,
    });
    vec![group, owned(), member(same)]
}

#[tokio::test]
async fn creates_cache_with_the_arn_of_the_key() {
    for key in [
        KEY_ID,
        KEY_ARN,
        ALIAS,
        "arn:aws:kms:ap-southeast-1:123456789012:alias/caches",
    ] {
        let aws = Aws::new([absent(), accepted("CreateReplicationGroup")]);

        aws.ensure(naming(key)).await.expect(key);

        assert_eq!(aws.elasticache.forms()[1]["KmsKeyId"], KEY_ARN, "{key}");
        assert_eq!(aws.described_keys(), [key]);
    }
}

#[tokio::test]
async fn plan_shows_the_arn_of_the_key() {
    let aws = Aws::new([absent(), no_cluster()]);

    let found = aws.ensure(plan(naming(ALIAS))).await.expect("a plan");

    let found = serde_json::to_value(found).expect("JSON");
    let expected = json!({ "field": "cache.kmsKey", "found": null, "wanted": KEY_ARN });
    let changes = found["actions"][0]["changes"].as_array().expect("changes");
    assert!(changes.contains(&expected), "{found}");
}

#[tokio::test]
async fn calls_kms_only_when_the_key_is_needed() {
    let creating = vec![described("creating", same)];
    let cases = [
        ("no key", vec![absent(), no_cluster()], json!({})),
        ("no comparison", creating, json!({ "kmsKey": ALIAS })),
        (
            "the cache's key",
            encrypted_with(Some(KEY_ARN)),
            json!({ "kmsKey": KEY_ARN }),
        ),
        ("a kept key", encrypted_with(Some(KEY_ARN)), json!({})),
    ];
    for (case, answers, cache) in cases {
        let aws = Aws::new(answers);

        aws.ensure(plan(message(&cache))).await.expect(case);

        assert!(aws.described_keys().is_empty(), "{case}");
    }
}

/// The states are those of <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>.
#[tokio::test]
async fn rejects_key_that_cannot_encrypt_a_cache() {
    let state = |state: &str| json!({ "KeyState": state, "Enabled": false });
    let enable = "Enable the key, or request another one";
    let cancel = "Cancel the key's deletion and enable it";
    let cases = [
        (state("Disabled"), "its state is Disabled", enable),
        (
            state("PendingDeletion"),
            "its state is PendingDeletion",
            cancel,
        ),
        (
            state("PendingReplicaDeletion"),
            "its state is PendingReplicaDeletion",
            cancel,
        ),
        (
            state("PendingImport"),
            "its state is PendingImport",
            "Import the key's material",
        ),
        (
            state("Creating"),
            "its state is Creating",
            "Wait until the key is enabled",
        ),
        (
            state("Unavailable"),
            "its state is Unavailable",
            "Wait until the key is enabled",
        ),
        (
            state("Updating"),
            "its state is Updating",
            "Wait until the key is enabled",
        ),
        (
            json!({ "KeyManager": "AWS" }),
            "AWS manages it",
            "Request a customer managed key",
        ),
        (
            json!({ "KeySpec": "RSA_2048" }),
            "it isn't a symmetric encryption key",
            "Request a key with the usage ENCRYPT_DECRYPT",
        ),
        (
            json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" }),
            "it isn't a symmetric encryption key",
            "Request a key with the usage ENCRYPT_DECRYPT",
        ),
    ];
    for (changes, problem, remedy) in cases {
        for message in [naming(ALIAS), plan(naming(ALIAS))] {
            let aws = Aws::new([absent(), no_cluster()]).with_key(described_key(&changes));

            let error = aws.ensure(message).await.expect_err(problem);

            assert_eq!(error.name(), ErrorName::InvalidSpec, "{error}");
            let expected = format!(
                "DescribeKey alias/caches: ElastiCache can't encrypt a cache with the key `{KEY_ARN}`: {problem}. The cache \
                 was not created. {remedy}"
            );
            assert!(error.to_string().starts_with(&expected), "{error}");
            assert!(aws.elasticache_writes().is_empty(), "{problem}");
            assert!(aws.record_writes().is_empty(), "{problem}");
        }
    }
}

#[tokio::test]
async fn rejects_arn_of_another_region_account_or_partition() {
    for key in [
        "arn:aws:kms:eu-west-1:123456789012:alias/caches",
        "arn:aws:kms:ap-southeast-1:210987654321:alias/caches",
        "arn:aws-cn:kms:ap-southeast-1:123456789012:alias/caches",
    ] {
        let aws = Aws::new([absent()]);

        let error = aws.ensure(plan(naming(key))).await.expect_err(key);

        assert_eq!(error.name(), ErrorName::InvalidSpec, "{error}");
        let expected = format!(
            "cache.kmsKey: `{key}` is not in this stack's account and Region, 123456789012 and ap-southeast-1."
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(aws.described_keys().is_empty(), "{key}");
    }
}

/// The errors of <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html>, and common ones of
/// <https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html>.
#[tokio::test]
async fn returns_aws_error_when_kms_rejects_call() {
    let cases = [
        (
            400,
            "NotFoundException",
            ErrorName::NotFound,
            "Request a key or an alias that exists",
        ),
        (
            400,
            "InvalidArnException",
            ErrorName::InvalidSpec,
            "Correct the input",
        ),
        (
            400,
            "AccessDeniedException",
            ErrorName::AccessDenied,
            "The key's policy, the step's role",
        ),
        (
            400,
            "ThrottlingException",
            ErrorName::Throttled,
            "Start again later",
        ),
        (
            503,
            "DependencyTimeoutException",
            ErrorName::ServiceUnavailable,
            "Start again later",
        ),
        (
            500,
            "KMSInternalException",
            ErrorName::ServiceUnavailable,
            "Start again later",
        ),
    ];
    for (status, code, expected, remedy) in cases {
        let aws = Aws::new([absent()]).with_key(Answer::json_fault(status, code, "AWS's message"));

        let error = aws.ensure(plan(naming(ALIAS))).await.expect_err(code);

        assert_eq!(error.name(), expected, "{error}");
        let text = error.to_string();
        let begin = format!("DescribeKey alias/caches: {code}: AWS's message. ");
        assert!(text.starts_with(&begin) && text.contains(remedy), "{error}");
    }
}

/// The messages of <https://github.com/badmintoncryer/cdk-preflight> and <https://github.com/floci-io/floci/pull/2632>.
#[tokio::test]
async fn reports_key_that_elasticache_rejects() {
    for (code, text) in [
        (
            "InvalidParameterValue",
            "KMS key does not exist with key id: 1234abcd-12ab-34cd-56ef-1234567890ab",
        ),
        (
            "InvalidParameterCombination",
            "Please enable encryption at rest to use Customer Managed CMK",
        ),
    ] {
        let aws = Aws::new([absent(), Answer::query_fault(400, code, text)]);

        let error = aws.ensure(naming(KEY_ID)).await.expect_err(text);

        assert_eq!(error.name(), ErrorName::InvalidSpec, "{error}");
        let expected = format!(
            "CreateReplicationGroup bandup-redis: {code}: {text}. The cache was not created. Check that the key in \
             cache.kmsKey is enabled"
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn cache_keeps_its_key_when_the_request_omits_it() {
    let aws = Aws::new(encrypted_with(Some(OTHER_ARN)));

    let found = aws.ensure(message(&json!({}))).await.expect("a round");

    let found = serde_json::to_value(found).expect("JSON");
    assert_eq!(found["status"], "upToDate", "{found}");
}

/// AWS doesn't change a cache's key, and an existing cache needs no new grant.
#[tokio::test]
async fn existing_cache_is_compared_although_its_key_is_disabled() {
    let disabled = described_key(&json!({ "KeyState": "Disabled", "Enabled": false }));
    let aws = Aws::new(encrypted_with(Some(KEY_ARN))).with_key(disabled);

    let found = aws.ensure(naming(ALIAS)).await.expect("a round");

    let found = serde_json::to_value(found).expect("JSON");
    assert_eq!(found["status"], "upToDate", "{found}");
}

#[tokio::test]
async fn other_key_is_immutable_and_the_error_names_both() {
    let now = " (`alias/caches` refers to this key now)";
    let cases = [
        (Some(OTHER_ARN), KEY_ID, ""),
        (Some(OTHER_ARN), KEY_ARN, ""),
        (Some(OTHER_ARN), ALIAS, now),
        (None, KEY_ARN, ""),
        (None, ALIAS, now),
    ];
    for (current, requested, reason) in cases {
        for message in [naming(requested), plan(naming(requested))] {
            let aws = Aws::new(encrypted_with(current));

            let error = aws.ensure(message).await.expect_err(requested);

            assert_eq!(error.name(), ErrorName::Immutable, "{error}");
            let current = current.map_or("none".to_owned(), |arn| format!("`{arn}`"));
            let expected = format!(
                "cache.kmsKey is {current}, requested `{KEY_ARN}`{reason}. The cache was not changed"
            );
            assert!(error.to_string().contains(&expected), "{error}");
            assert!(aws.elasticache_writes().is_empty(), "{requested}");
        }
    }
}

#[tokio::test]
async fn failed_creation_is_kept_when_the_key_cannot_be_used() {
    let disabled = described_key(&json!({ "KeyState": "Disabled", "Enabled": false }));
    let failed = [described("create-failed", same), events(&[]), events(&[])];
    let aws = Aws::new(failed).with_key(disabled);

    let error = aws.ensure(naming(ALIAS)).await.expect_err("a disabled key");

    assert_eq!(error.name(), ErrorName::InvalidSpec, "{error}");
    assert!(aws.elasticache_writes().is_empty());
    assert!(aws.record_writes().is_empty());
}

#[tokio::test]
async fn adoption_reports_the_key_only_when_the_request_omits_it() {
    let planned = async |cache: &Value| {
        let mut answers = encrypted_with(Some(KEY_ARN));
        answers[1] = unowned();
        let aws = Aws::with_record(&held(None), answers);
        let found = aws.ensure(plan(adopting(message(cache)))).await;
        serde_json::to_value(found.expect("a plan")).expect("JSON")
    };
    let kept = json!({ "setting": "KMS key", "value": KEY_ARN });
    let is_kept = |plan: &Value| {
        plan["kept"]
            .as_array()
            .is_some_and(|all| all.contains(&kept))
    };

    let omitted = planned(&json!({})).await;
    let requested = planned(&json!({ "kmsKey": ALIAS })).await;

    assert!(is_kept(&omitted), "{omitted}");
    assert!(!is_kept(&requested), "{requested}");
}
