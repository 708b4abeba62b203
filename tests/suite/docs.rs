//! The documentation, held against what it describes: a provider's headings, generated tables and
//! scenario files, and the line that every dependency has.
//!
//! `SANDGATE_UPDATE_DOCS=1 cargo test --test suite docs::` writes stale tables anew.

use std::fs;
use std::path::{Path, PathBuf};

/// The headings of every provider's page, in this order and no other.
const HEADINGS: [&str; 13] = [
    "What it is",
    "Base URL and listeners",
    "Credentials",
    "Endpoints",
    "Security, step by step",
    "States",
    "Errors",
    "Notifications",
    "Magic values",
    "Settings",
    "Named constants",
    "Not emulated",
    "Sources",
];

#[test]
fn every_provider_s_page_has_the_fixed_headings_in_order() {
    for (provider, page, _) in sandgate::provider_docs() {
        assert_eq!(headings(page), HEADINGS, "headings of {}", path(provider).display());
    }
}

#[test]
fn generated_tables_are_what_the_code_generates() {
    #[expect(clippy::disallowed_methods, reason = "a test's switch, not a setting of the library")]
    let update = std::env::var_os("SANDGATE_UPDATE_DOCS").is_some_and(|value| !value.is_empty());

    for (provider, _, tables) in sandgate::provider_docs() {
        let file = path(provider);
        // Read anew, because the compiled copy does not change while the test writes.
        let page = fs::read_to_string(&file).expect("every provider has a page");

        let fresh = tables.iter().fold(page.clone(), |page, (name, table)| {
            with_table(&page, name, table)
                .unwrap_or_else(|problem| panic!("{}: {problem}", file.display()))
        });

        if update && fresh != page {
            fs::write(&file, &fresh).expect("the page can be written");
            continue;
        }
        let stale = page.lines().zip(fresh.lines()).find(|(is, should)| is != should);
        assert!(
            fresh == page,
            "a generated table in {} is stale{}; write it anew with SANDGATE_UPDATE_DOCS=1 cargo \
             test --test suite docs::",
            file.display(),
            stale.map_or(String::new(), |(is, should)| format!(
                ": it has\n  {is}\nwhere the code says\n  {should}\n"
            ))
        );
    }
}

#[test]
fn every_table_in_a_page_is_one_that_the_code_generates() {
    for (provider, page, tables) in sandgate::provider_docs() {
        let unknown: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("<!-- generated: ")?.strip_suffix(" -->"))
            .filter(|marked| !tables.iter().any(|(name, _)| name == marked))
            .collect();

        assert!(unknown.is_empty(), "{provider} generates no {}", unknown.join(", "));
    }
}

#[test]
fn every_scenario_file_is_named_in_its_provider_s_page() {
    let mut files = 0;
    for (provider, page, _) in sandgate::provider_docs() {
        let folder = root().join("scenarios").join(provider);
        for entry in fs::read_dir(&folder).expect("every provider has a folder of scenarios") {
            let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
            files += 1;
            assert!(
                page.contains(&format!("`{name}`")),
                "scenarios/{provider}/{name} is not named in {}",
                path(provider).display()
            );
        }
    }
    assert!(files > 0, "no scenario file was found");
}

#[test]
fn every_dependency_has_its_line() {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect("readable");
    let (manifest, page) = (read("Cargo.toml"), read("docs/dependencies.md"));

    let named = dependencies(&manifest);
    let missing: Vec<&str> = named
        .iter()
        .copied()
        .filter(|name| {
            let rows = [format!("\n| {name} |"), format!("\n| {name}, ")];
            !rows.iter().any(|row| page.contains(row.as_str()))
        })
        .collect();

    assert!(named.len() > 20, "only {} dependencies were found", named.len());
    assert!(missing.is_empty(), "docs/dependencies.md says nothing of {}", missing.join(", "));
}

#[test]
fn a_table_is_put_between_its_markers_and_nowhere_else() {
    let page = "a\n<!-- generated: t -->\nold\n<!-- end: t -->\nb\n";

    let fresh = with_table(page, "t", "| new |\n");

    let wanted = "a\n<!-- generated: t -->\n\n| new |\n\n<!-- end: t -->\nb\n";
    assert_eq!(fresh.as_deref(), Ok(wanted));
    assert_eq!(with_table(wanted, "t", "| new |\n").as_deref(), Ok(wanted));
    assert!(with_table(page, "other", "").is_err());
}

/// The packages that a manifest names, whatever they are needed for.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut wanted = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            wanted = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| wanted) {
            names.push(name.trim());
        }
    }
    names
}

fn headings(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("## ")).collect()
}

/// The page with one table between its two markers, or which marker is missing.
fn with_table(page: &str, name: &str, table: &str) -> Result<String, String> {
    let begin = format!("<!-- generated: {name} -->\n");
    let end = format!("<!-- end: {name} -->\n");
    let missing = |marker: &str| format!("the marker {} is missing", marker.trim_end());
    let (before, rest) = page.split_once(&begin).ok_or_else(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok(format!("{before}{begin}\n{}\n\n{end}{after}", table.trim_end()))
}

fn path(provider: &str) -> PathBuf {
    root().join("src/providers").join(provider).join("docs.md")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
