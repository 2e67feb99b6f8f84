//! DynamoDB's rejections of update expressions that MiniStack accepts.

use serde_json::Value;

use super::call::Call;
use super::error_response::ErrorResponse;

/// The keywords of an update expression's clauses. They are reserved words, so no attribute has such a name in an
/// expression
/// ([reserved words](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html)).
const KEYWORDS: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

/// Returns the error if DynamoDB rejects the call.
pub fn reject(call: &Call) -> Option<ErrorResponse> {
    if (call.service.as_str(), call.operation.as_str()) != ("dynamodb", "UpdateItem") {
        return None;
    }
    let request: Value = serde_json::from_str(&call.text).ok()?;
    let expression = request["UpdateExpression"].as_str()?;
    let problem = problem(expression, &request["ExpressionAttributeNames"])?;
    Some(ErrorResponse::new(
        "ValidationException",
        format!("Invalid UpdateExpression: {problem}"),
    ))
}

/// Returns why an expression is invalid: it has a clause twice (<https://github.com/getmoto/moto/issues/3972>), or two
/// actions change one attribute, or an attribute and a part of it (<https://github.com/HENNGE/aiodynamo/issues/2>).
/// "Each action keyword can appear only once"
/// ([update expressions](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html)).
fn problem(expression: &str, names: &Value) -> Option<String> {
    let Actions { keywords, paths } = Actions::read(expression, names);
    if let Some(keyword) = first_pair(&keywords, |one, two| one == two).map(|(keyword, _)| keyword)
    {
        return Some(format!(
            "The \"{keyword}\" section can only be used once in an update expression;"
        ));
    }
    let overlap = |one: &Path, two: &Path| one.starts_with(two) || two.starts_with(one);
    let (one, two) = first_pair(&paths, overlap)?;
    Some(format!(
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [{}], path \
         two: [{}]",
        one.join(", "),
        two.join(", ")
    ))
}

/// Returns the first two elements that match.
fn first_pair<T>(all: &[T], matches: impl Fn(&T, &T) -> bool) -> Option<(&T, &T)> {
    all.iter().enumerate().find_map(|(index, two)| {
        let one = all[..index].iter().find(|one| matches(one, two))?;
        Some((one, two))
    })
}

/// A document path by its parts, such as `["a", "[0]", "b"]` for `a[0].b`.
type Path = Vec<String>;

/// The keywords of an expression's clauses, and the paths that its actions change.
#[derive(Default)]
struct Actions {
    keywords: Vec<String>,
    paths: Vec<Path>,
}

impl Actions {
    /// Reads an expression. An action's path is its first word; a comma outside of parentheses ends the action.
    fn read(expression: &str, names: &Value) -> Self {
        let mut actions = Self::default();
        let mut depth = 0;
        let mut expects_path = false;
        let spaced = ["(", ")", ",", "="]
            .iter()
            .fold(expression.to_owned(), |text, symbol| {
                text.replace(symbol, &format!(" {symbol} "))
            });
        for word in spaced.split_whitespace() {
            let keyword = word.to_ascii_uppercase();
            match word {
                "(" => depth += 1,
                ")" => depth -= 1,
                "," => expects_path = depth == 0,
                _ if KEYWORDS.contains(&keyword.as_str()) => {
                    actions.keywords.push(keyword);
                    expects_path = true;
                }
                _ if expects_path => {
                    actions.paths.push(path(word, names));
                    expects_path = false;
                }
                _ => {}
            }
        }
        actions
    }
}

/// Returns a path with the attribute names that its placeholders stand for.
fn path(word: &str, names: &Value) -> Path {
    word.replace('[', ".[")
        .split('.')
        .map(|part| names[part].as_str().unwrap_or(part).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::problem;

    #[test]
    fn accepts_expressions_that_change_each_path_once() {
        let names = json!({ "#a": "a", "#b": "b" });
        let cases = [
            "SET a = :a",
            "set a = :a, b = if_not_exists(a, :b) remove c, d add e :one delete f :f",
            "SET a = list_append(a, :a), b = b + :one",
            "SET a.b = :one, a.c = :two, a.d[0] = :three REMOVE a.d[1]",
            "SET #a = :a, #b = :b",
            "SET ab = :a REMOVE a",
        ];
        for expression in cases {
            assert_eq!(problem(expression, &names), None, "{expression}");
        }
        assert_eq!(problem("SET #a = :a", &Value::Null), None);
    }

    #[test]
    fn rejects_repeated_clauses_and_overlapping_paths() {
        let names = json!({ "#a": "a" });
        let cases = [
            ("SET a = :a SET b = :b", "The \"SET\" section"),
            ("ADD a :one SET b = :b add c :one", "The \"ADD\" section"),
            ("SET a = :a REMOVE a", "path one: [a], path two: [a]"),
            ("SET #a = :a REMOVE a", "path one: [a], path two: [a]"),
            ("SET a=:a,a=:b", "path one: [a], path two: [a]"),
            (
                "SET a = :a REMOVE b, a.c[1]",
                "path one: [a], path two: [a, c, [1]]",
            ),
            ("REMOVE a.c ADD a :one", "path one: [a, c], path two: [a]"),
        ];
        for (expression, expected) in cases {
            let found = problem(expression, &names).unwrap_or_default();
            assert!(found.contains(expected), "{expression}: {found}");
        }
    }
}
