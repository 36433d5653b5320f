//! The tokens of a program, and which names are words of the language.
//!
//! Invariant: a token's span lies on character boundaries of its source.

use moo_model::ErrorCode;

/// One token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Byte offset of its first byte.
    pub start: usize,
    /// Byte offset past its last byte.
    pub end: usize,
    /// Its line, counted from 1.
    pub line: u32,
    /// Whether nothing but white space and comments stands before it on its line.
    pub first_on_line: bool,
}

impl Token {
    /// Whether it is a `)`, `]` or `}`.
    pub fn closes_bracket(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Mark(Mark::RightParen | Mark::RightBracket | Mark::RightBrace)
        )
    }
}

/// What a token is. Names and strings are read from the source by the token's span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// An integer without its sign.
    Int(i64),
    /// A finite float without its sign.
    Float(f64),
    /// `#12`
    Object(i64),
    /// `E_PERM`
    Error(ErrorCode),
    /// A string with its quotes.
    Text,
    /// A name that is no word of the language.
    Name,
    /// A word of the language.
    Word(Word),
    /// An operator or a piece of punctuation.
    Mark(Mark),
    /// Something that is no token.
    Bad(Fault),
    /// The end of the program.
    End,
}

/// Why the lexer could not make a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A string that the end of its line cuts off.
    MissingQuote,
    /// `#` without a number.
    ObjectNumber,
    /// An exponent without digits.
    FloatForm,
    /// A float too large for a double.
    FloatRange,
    /// A comment without its end.
    Comment,
    /// A character the language does not use.
    Character,
}

impl Fault {
    /// The text of the compile error.
    pub fn message(self) -> &'static str {
        match self {
            Fault::MissingQuote => "Missing quote",
            Fault::ObjectNumber => "Malformed object number",
            Fault::FloatForm => "Malformed floating-point literal",
            Fault::FloatRange => "Floating-point literal out of range",
            Fault::Comment => "End of program while in a comment",
            Fault::Character => "syntax error",
        }
    }
}

macro_rules! spelled {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant,)* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// How it is written.
            pub const fn text(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

spelled! {
    /// The reserved words, read in any case.
    Word {
        If "if", Else "else", ElseIf "elseif", EndIf "endif",
        For "for", In "in", EndFor "endfor",
        While "while", EndWhile "endwhile",
        Fork "fork", EndFork "endfork",
        Return "return", Break "break", Continue "continue",
        Try "try", Except "except", Finally "finally", EndTry "endtry",
        Any "any",
    }
}

spelled! {
    /// Operators and punctuation.
    Mark {
        LeftParen "(", RightParen ")", LeftBrace "{", RightBrace "}", LeftBracket "[", RightBracket "]",
        Comma ",", Semicolon ";", Dot ".", To "..", Colon ":", Dollar "$", At "@",
        Question "?", Bar "|", Bang "!", Backquote "`", Quote "'", Arrow "=>", MapsTo "->", Assign "=",
        And "&&", Or "||", Equal "==", NotEqual "!=", Less "<", LessEqual "<=", Greater ">", GreaterEqual ">=",
        Plus "+", Minus "-", Star "*", Slash "/", Percent "%", Caret "^",
    }
}

impl Mark {
    const SINGLE: [Option<Mark>; 128] = {
        let mut table = [None; 128];
        let mut i = 0;
        while i < Mark::ALL.len() {
            let text = Mark::ALL[i].text().as_bytes();
            if text.len() == 1 {
                table[text[0] as usize] = Some(Mark::ALL[i]);
            }
            i += 1;
        }
        table
    };

    /// The longest mark that these two bytes start with.
    pub fn starting(first: u8, second: u8) -> Option<Mark> {
        let single = Self::SINGLE.get(usize::from(first)).copied().flatten();
        if !matches!(second, b'=' | b'>' | b'&' | b'|' | b'.') {
            return single;
        }
        Mark::ALL
            .iter()
            .copied()
            .find(|mark| mark.text().as_bytes() == [first, second])
            .or(single)
    }
}

/// The length of the longest reserved word.
const WORD_LEN_MAX: usize = 8;

impl Word {
    /// The reserved word with this spelling, in any case.
    pub fn from_name(name: &str) -> Option<Word> {
        if name.len() > WORD_LEN_MAX {
            return None;
        }
        Word::ALL
            .iter()
            .copied()
            .find(|word| word.text().eq_ignore_ascii_case(name))
    }

    /// Whether the word can only stand where a block, or a part of one, ends.
    pub fn closes(self) -> bool {
        use Word::*;
        matches!(
            self,
            Else | ElseIf | EndIf | EndFor | EndWhile | EndFork | Except | Finally | EndTry
        )
    }

    /// Whether the word can only stand at the start of a statement or of a part of one.
    pub fn leads(self) -> bool {
        !matches!(self, Word::In | Word::Any)
    }
}

/// The error value with this name, in any case. The errors that later servers added are plain names here.
pub(crate) fn error_from_name(name: &str) -> Option<ErrorCode> {
    if !name.as_bytes().starts_with(b"E_") && !name.as_bytes().starts_with(b"e_") {
        return None;
    }
    ErrorCode::from_name(name).filter(|code| *code <= ErrorCode::Float)
}

/// Whether `name` can be written bare after a `.`, `:` or `$` and where a variable stands.
pub fn is_plain_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && Word::from_name(name).is_none()
        && error_from_name(name).is_none()
}
