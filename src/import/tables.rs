//! [`Tables`]: files with rows whose columns only the source names.

use super::bodies::{Attachment, Bodies};
use super::files::Files;
use super::yaml::Yaml;

/// Files with rows beside a source, of which the scenario gets copies that name their columns.
#[derive(Debug)]
pub(super) struct Tables<'a> {
    files: Option<&'a dyn Files>,
    copies: Bodies,
}

/// What a source says of a table.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// Its path, relative to the source.
    pub file: &'a str,
    /// The names of its columns.
    pub columns: &'a [String],
    /// What separates its cells.
    pub separator: char,
    /// Whether its first row is not one, but has other names.
    pub has_header: bool,
}

impl<'a> Tables<'a> {
    /// Creates them for a source with these files; copies go to this folder beside the scenario.
    pub(super) const fn new(files: Option<&'a dyn Files>, folder: Option<String>) -> Self {
        Self {
            files,
            copies: Bodies::new(folder, Vec::new()),
        }
    }

    /// Copies a table, with the names of its columns above its rows, and returns the path of the copy, or
    /// of the table if it names them itself. `None` if the table can't be read, is not UTF-8, or has no folder to go to.
    pub(super) fn copy(&mut self, table: &Table<'_>) -> Option<String> {
        let text = self.files?.read(table.file).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let separator = u8::try_from(table.separator).ok().filter(u8::is_ascii)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let mut row = csv::ByteRecord::new();
        let mut begin = 0;
        if table.has_header {
            reader.read_byte_record(&mut row).ok()?;
            let is_same = |(cell, name): (&[u8], &String)| cell == name.as_bytes();
            if row.len() == table.columns.len()
                && row.iter().zip(table.columns).all(is_same)
                && table.file.contains('.')
            {
                return Some(table.file.trim_start_matches("./").to_owned());
            }
            begin = usize::try_from(reader.position().byte()).ok()?;
        }
        reader.read_byte_record(&mut row).ok()?;
        // A row has as many cells as there are columns here.
        let unnamed = (table.columns.len()..row.len()).map(|at| format!("column_{}", at + 1));
        let names = table.columns.iter().cloned().chain(unnamed).take(row.len());
        let mut writer = csv::WriterBuilder::new()
            .delimiter(separator)
            .from_writer(Vec::new());
        writer.write_record(names).ok()?;
        let mut content = writer.into_inner().ok()?;
        let rows = text.get(begin..).unwrap_or_default();
        // What was read of a line that ends with two characters is the first of them.
        content.extend_from_slice(rows.strip_prefix('\n').unwrap_or(rows).as_bytes());
        let base = table.file.rsplit('/').next().unwrap_or_default();
        let stem = base.split('.').next().unwrap_or_default();
        self.copies.attach(content, stem, "csv")
    }

    /// Returns the copies.
    pub(super) fn files(self) -> Vec<Attachment> {
        self.copies.files()
    }
}

/// Returns the character of a text that is only one.
pub(super) fn only_character(text: &str) -> Option<char> {
    let mut all = text.chars();
    all.next().filter(|_| all.next().is_none())
}

/// Adds the separator of cells to the keys of a feed, unless it is the usual one.
///
/// # Errors
/// The note that it is not one character.
pub(super) fn put_separator(
    separator: Option<char>,
    keys: &mut Vec<(String, Yaml)>,
) -> Result<(), &'static str> {
    let text = match separator {
        Some(',') => return Ok(()),
        Some('\t') => "tab".to_owned(),
        Some(other) => other.to_string(),
        None => return Err("the separator of cells is not one character: left out"),
    };
    keys.push(("separator".into(), Yaml::text(text)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct One(&'static str);

    impl Files for One {
        fn read(&self, path: &str) -> Result<String, String> {
            match path {
                "in/users.txt" => Ok(self.0.to_owned()),
                _ => Err("there is no such file".into()),
            }
        }

        fn list(&self, _: &str) -> Result<Vec<String>, String> {
            Ok(Vec::new())
        }
    }

    #[track_caller]
    fn copied(text: &'static str, names: &[&str], separator: char, has_header: bool) -> String {
        let one = One(text);
        let mut tables = Tables::new(Some(&one), Some("x.bodies".into()));
        let columns: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let table = Table {
            file: "in/users.txt",
            columns: &columns,
            separator,
            has_header,
        };
        let path = tables.copy(&table).expect("a copy");
        assert_eq!(path, "x.bodies/1-users.csv");
        let file = tables.files().remove(0);
        String::from_utf8(file.content).expect("a text")
    }

    #[test]
    fn a_copy_names_the_columns_of_its_rows() {
        let made = copied("\u{feff}ada,1\nbob,2", &["user", "id"], ',', false);
        assert_eq!(made, "user,id\nada,1\nbob,2");
        // Another header is replaced, even one of several lines.
        let made = copied("\"U\nser\";ID\r\nada;1\r\n", &["user", "id"], ';', true);
        assert_eq!(made, "user;id\nada;1\r\n");
        // Cells without a name, and names without a cell.
        assert_eq!(
            copied("a\tb\n", &["x y"], '\t', false),
            "x y\tcolumn_2\na\tb\n"
        );
        assert_eq!(copied("a\n", &["x", "y"], ',', false), "x\na\n");
    }

    #[test]
    fn a_table_that_names_its_columns_is_not_copied() {
        let one = One("user,id\nada,1\n");
        let mut tables = Tables::new(Some(&one), Some("x.bodies".into()));
        let columns = ["user".to_owned(), "id".to_owned()];
        let table = Table {
            file: "in/users.txt",
            columns: &columns,
            separator: ',',
            has_header: true,
        };
        assert_eq!(tables.copy(&table).as_deref(), Some("in/users.txt"));
        assert_eq!(tables.files(), []);
    }

    #[test]
    fn what_cannot_be_read_or_written_is_not_copied() {
        let columns = ["user".to_owned()];
        let one = One("ada");
        for (files, folder, file) in [
            (None, Some("x"), "in/users.txt"),
            (Some(&one), None, "in/users.txt"),
            (Some(&one), Some("x"), "in/other.txt"),
        ] {
            let files = files.map(|files| files as &dyn Files);
            let mut tables = Tables::new(files, folder.map(str::to_owned));
            let table = Table {
                file,
                columns: &columns,
                separator: ',',
                has_header: false,
            };
            assert_eq!(tables.copy(&table), None);
        }
    }
}
