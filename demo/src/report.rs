//! The table of what was asked for and what was found.

use local::reference::Row;

/// Prints the table. True where nothing differs.
pub fn print(rows: &[Row]) -> bool {
    println!("      {:<24} {:<58} found", "", "asked for");
    for row in rows {
        let (mark, found) = match &row.found {
            Some(found) if row.holds() => ("✓", shown(found)),
            Some(found) => ("✗", shown(found)),
            None => ("✗", "nothing".to_owned()),
        };
        println!(
            "    {mark} {:<24} {:<58} {found}",
            row.thing,
            shown(&row.wanted)
        );
    }
    let differing = rows.iter().filter(|row| !row.holds()).count();
    println!(
        "    {} as asked for, {differing} not",
        rows.len() - differing
    );
    differing == 0
}

fn shown(text: &str) -> String {
    const WIDTH: usize = 58;
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}
