//! Commands as they are typed into a shell: their words, without running anything.

use super::credentials::Credentials;
use super::template::{literal, literal_before_template};

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text as a template: a variable of the shell becomes the template of a secret.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
}

/// The words of a command.
pub(super) type Command = Vec<Word>;

/// What a script says.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The commands, without empty ones.
    pub commands: Vec<Command>,
    /// The variables that they use.
    pub variables: Credentials,
    /// The line of a quote that is never closed.
    pub open_quote: Option<usize>,
    /// The lines in which the shell would run a command for a part of a word.
    pub substitutions: Vec<usize>,
}

/// Splits a text into commands as a POSIX shell does, with the `$'…'` of bash, which browsers use.
pub(super) fn commands(text: &str) -> Script {
    let mut splitter = Splitter {
        rest: text,
        line: 1,
        script: Script::default(),
        command: Vec::new(),
        word: None,
        run: String::new(),
        is_redirection: false,
        heredocs: Vec::new(),
        is_heredoc: false,
    };
    splitter.run();
    splitter.script
}

struct Splitter<'t> {
    rest: &'t str,
    line: usize,
    script: Script,
    command: Command,
    /// The word that is being read.
    word: Option<Word>,
    /// What of it was read since its last variable.
    run: String,
    /// Whether the word names a file that the shell reads or writes, and is not one of the command.
    is_redirection: bool,
    /// The words that end the texts which begin on the next line (`<<END`).
    heredocs: Vec<String>,
    /// Whether the word is one of these.
    is_heredoc: bool,
}

impl Splitter<'_> {
    fn run(&mut self) {
        while let Some(c) = self.next() {
            match c {
                '\n' => {
                    self.end_command();
                    self.skip_heredocs();
                }
                ';' | '&' | '|' | '(' | ')' => self.end_command(),
                '<' | '>' => self.redirect(c),
                '`' => self.substitute(c),
                c if c.is_whitespace() => self.end_word(),
                '#' if self.word.is_none() => self.skip_comment(),
                '\\' => match self.next() {
                    None | Some('\n') => {}
                    Some('\r') if self.rest.starts_with('\n') => {
                        self.next();
                    }
                    Some(c) => self.push_char(c),
                },
                '\'' => self.single_quoted(),
                '"' => self.double_quoted(),
                '$' => self.dollar(false),
                c => self.push_char(c),
            }
        }
        self.end_command();
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        self.line += usize::from(c == '\n');
        Some(c)
    }

    /// Returns the word that is being read, which begins now if the last one has ended.
    fn word(&mut self) -> &mut Word {
        let line = self.line;
        self.word.get_or_insert_with(|| Word {
            text: String::new(),
            line,
        })
    }

    fn push(&mut self, text: &str) {
        self.word();
        self.run.push_str(text);
    }

    fn push_char(&mut self, c: char) {
        self.word();
        self.run.push(c);
    }

    fn end_word(&mut self) {
        let Some(mut word) = self.word.take() else {
            return;
        };
        word.text.push_str(&literal(&self.run));
        self.run.clear();
        if std::mem::take(&mut self.is_heredoc) {
            self.heredocs.push(word.text);
        } else if !std::mem::take(&mut self.is_redirection) {
            self.command.push(word);
        }
    }

    /// Reads the beginning of a redirection: `>`, `>>`, `2>&1`, `<`, `<<END`.
    fn redirect(&mut self, first: char) {
        // A number right before it is that of a file of the shell.
        let is_number =
            |word: &Word| word.text.is_empty() && self.run.chars().all(|c| c.is_ascii_digit());
        if self.word.as_ref().is_some_and(is_number) {
            self.word = None;
            self.run.clear();
        }
        self.end_word();
        let operator = self.rest.len();
        self.rest = self.rest.trim_start_matches(['<', '>', '&', '|']);
        let length = 1 + operator - self.rest.len();
        self.is_heredoc = first == '<' && length == 2;
        if self.is_heredoc {
            self.rest = self.rest.strip_prefix('-').unwrap_or(self.rest);
        }
        self.is_redirection = !self.is_heredoc;
    }

    /// Skips the texts that belong to the commands of the last line.
    fn skip_heredocs(&mut self) {
        for end in std::mem::take(&mut self.heredocs) {
            while !self.rest.is_empty() {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                self.rest = rest;
                self.line += 1;
                if line.trim() == end {
                    break;
                }
            }
        }
    }

    /// Notes that the shell would run a command here.
    fn substitute(&mut self, c: char) {
        self.push_char(c);
        let line = self.line;
        if !self.script.substitutions.contains(&line) {
            self.script.substitutions.push(line);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.is_redirection = false;
        let command = std::mem::take(&mut self.command);
        if !command.is_empty() {
            self.script.commands.push(command);
        }
    }

    fn skip_comment(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.rest = &self.rest[end..];
    }

    fn single_quoted(&mut self) {
        let begun = self.line;
        self.push("");
        let Some((text, rest)) = self.rest.split_once('\'') else {
            return self.never_closed(begun);
        };
        self.rest = rest;
        self.push(text);
        self.line += text.matches('\n').count();
    }

    fn double_quoted(&mut self) {
        let begun = self.line;
        self.push("");
        loop {
            match self.next() {
                None => return self.never_closed(begun),
                Some('"') => return,
                Some('$') => self.dollar(true),
                Some('`') => self.substitute('`'),
                Some('\\') => match self.next() {
                    Some('\n') => {}
                    Some(c) if matches!(c, '"' | '\\' | '$' | '`') => {
                        self.push_char(c);
                    }
                    Some(c) => {
                        self.push_char('\\');
                        self.push_char(c);
                    }
                    None => {}
                },
                Some(c) => self.push_char(c),
            }
        }
    }

    fn never_closed(&mut self, line: usize) {
        self.script.open_quote.get_or_insert(line);
        self.rest = "";
    }

    /// Reads what follows a `$`: a variable, or a text with escapes.
    fn dollar(&mut self, is_quoted: bool) {
        if !is_quoted && self.rest.starts_with('\'') {
            self.next();
            return self.escaped();
        }
        if self.rest.starts_with('(') {
            return self.substitute('$');
        }
        let (braced, rest) = match self.rest.strip_prefix('{') {
            Some(rest) => (true, rest),
            None => (false, self.rest),
        };
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let name = &rest[..length];
        let ends = !braced || rest[length..].starts_with('}');
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !ends {
            return self.push_char('$');
        }
        self.rest = &rest[length + usize::from(braced)..];
        let template = self.script.variables.of_variable(name);
        let run = std::mem::take(&mut self.run);
        let word = self.word();
        word.text.push_str(&literal_before_template(&run));
        word.text.push_str(&template);
    }

    /// Reads the rest of `$'…'`.
    fn escaped(&mut self) {
        let begun = self.line;
        let mut bytes = Vec::new();
        loop {
            match self.next() {
                None => return self.never_closed(begun),
                Some('\'') => break,
                Some('\\') => self.escape(&mut bytes),
                Some(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        // A word of a shell contains no NUL bytes.
        bytes.retain(|byte| *byte != 0);
        self.push(&String::from_utf8_lossy(&bytes));
    }

    fn escape(&mut self, into: &mut Vec<u8>) {
        let Some(c) = self.next() else { return };
        let simple = match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' | 'E' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'x' => {
                into.extend(self.number(16, 2).map(|byte| byte as u8));
                return;
            }
            'u' | 'U' => {
                let digits = if c == 'u' { 4 } else { 8 };
                let code = self.number(16, digits).and_then(char::from_u32);
                let c = code.unwrap_or(char::REPLACEMENT_CHARACTER);
                into.extend(c.encode_utf8(&mut [0; 4]).bytes());
                return;
            }
            '0'..='7' => {
                let digits = self.digits(8, 2);
                let code = u32::from_str_radix(&format!("{c}{digits}"), 8);
                into.extend(code.map(|code| code as u8));
                return;
            }
            other => other,
        };
        into.extend(simple.encode_utf8(&mut [0; 4]).bytes());
    }

    /// Reads a number of up to `most` digits.
    fn number(&mut self, radix: u32, most: usize) -> Option<u32> {
        u32::from_str_radix(self.digits(radix, most), radix).ok()
    }

    /// Reads up to `most` digits.
    fn digits(&mut self, radix: u32, most: usize) -> &str {
        let count = self
            .rest
            .chars()
            .take(most)
            .take_while(|c| c.is_digit(radix));
        // A digit is one byte.
        let (digits, rest) = self.rest.split_at(count.count());
        self.rest = rest;
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let command = |command: Command| command.into_iter().map(|word| word.text).collect();
        commands(text).commands.into_iter().map(command).collect()
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, wanted) in [
            ("a  b\tc", vec!["a", "b", "c"]),
            (
                "a 'b  \\ \"c' \"d \\\" e\" f''g",
                vec!["a", "b  \\ \"c", "d \" e", "fg"],
            ),
            ("a \\\n  b \\\r\n c", vec!["a", "b", "c"]),
            ("a '' \"\"", vec!["a", "", ""]),
            ("a b#c # d", vec!["a", "b#c"]),
            (
                r"$'it\'s \x41\u00e9\n\101\0' x",
                vec!["it's A\u{e9}\n\u{41}", "x"],
            ),
            ("\"a\\b\\$c\"", vec!["a\\b$c"]),
            // Two braces are not those of a template.
            ("'{{x}}'", vec!["{{brace}}{{brace}}x}}"]),
            ("$A-${b_2}/$5{$a", vec!["{{a}}-{{b_2}}/$5{{brace}}{{a_2}}"]),
        ] {
            assert_eq!(words(text), [wanted], "{text}");
        }
        assert_eq!(
            words("a; b && c | d\ne"),
            [["a"], ["b"], ["c"], ["d"], ["e"]]
        );
        let script = commands("a\nb 'c\nd\n");
        assert_eq!((script.open_quote, script.commands.len()), (Some(2), 2));
        for text in [
            "a b > c",
            "a b >c 2>&1",
            "a 2>/dev/null b",
            "a b <c",
            "a b &> c",
            "a b <<'END'\nit's \"\n END\n",
            "a b <<-END >x\nc\nEND",
        ] {
            assert_eq!(words(text), [["a", "b"]], "{text}");
        }
        assert_eq!(words("a b2> c"), [["a", "b2"]]);
        let script = commands("a $(b)\n\"`c` $(d)\" '$(e)'");
        assert_eq!(script.substitutions, [1, 2]);
        let lines = commands("a\n\nb 'c\nd' e").commands;
        assert_eq!(
            lines[1].iter().map(|word| word.line).collect::<Vec<_>>(),
            [3, 3, 4]
        );
    }
}
