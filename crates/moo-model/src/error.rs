//! The errors a MOO program can see: their codes, names and messages, and an error on its way to a handler.

use crate::Value;

macro_rules! error_codes {
    ($($code:literal $variant:ident $name:literal $message:literal;)*) => {
        /// An error value's code. The number is what `toint()` and textdumps show.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $name, "`: ", $message)] $variant = $code,)*
        }

        impl ErrorCode {
            /// Every code, by number.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),*];

            /// The source form, `E_PERM`.
            pub const fn name(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name,)* }
            }

            /// The text `tostr()` gives.
            pub const fn message(self) -> &'static str {
                match self { $(ErrorCode::$variant => $message,)* }
            }
        }
    };
}

error_codes! {
    0 None "E_NONE" "No error";
    1 Type "E_TYPE" "Type mismatch";
    2 Div "E_DIV" "Division by zero";
    3 Perm "E_PERM" "Permission denied";
    4 PropNf "E_PROPNF" "Property not found";
    5 VerbNf "E_VERBNF" "Verb not found";
    6 VarNf "E_VARNF" "Variable not found";
    7 InvInd "E_INVIND" "Invalid indirection";
    8 RecMove "E_RECMOVE" "Recursive move";
    9 MaxRec "E_MAXREC" "Too many verb calls";
    10 Range "E_RANGE" "Range error";
    11 Args "E_ARGS" "Incorrect number of arguments";
    12 Nacc "E_NACC" "Move refused by destination";
    13 InvArg "E_INVARG" "Invalid argument";
    14 Quota "E_QUOTA" "Resource limit exceeded";
    15 Float "E_FLOAT" "Floating-point arithmetic error";
    16 File "E_FILE" "File error";
    17 Exec "E_EXEC" "Exec error";
    18 Intrpt "E_INTRPT" "Interrupted";
}

impl ErrorCode {
    /// The code with this number, if there is one.
    pub fn from_number(number: i64) -> Option<ErrorCode> {
        usize::try_from(number)
            .ok()
            .and_then(|n| Self::ALL.get(n))
            .copied()
    }

    /// The code with this name, in any case.
    pub fn from_name(name: &str) -> Option<ErrorCode> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.name().eq_ignore_ascii_case(name))
    }
}

/// An error on its way to a handler: what `raise(code, message, value)` carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// Usually an error value; `raise()` may be given anything.
    pub code: Value,
    /// The text of the traceback's first line; `None` stands for the code's own message.
    pub message: Option<Value>,
    /// The extra value a handler sees; 0 when nothing was said.
    pub value: Value,
}

impl Raised {
    /// The message a handler and a traceback see.
    pub fn message(&self) -> Value {
        match (&self.message, self.code.as_err()) {
            (Some(text), _) => text.clone(),
            (None, Some(code)) => Value::str(code.message()),
            (None, None) => Value::string(crate::literal::to_str(&self.code)),
        }
    }
}

impl From<ErrorCode> for Raised {
    fn from(code: ErrorCode) -> Raised {
        Raised {
            code: Value::err(code),
            message: None,
            value: Value::int(0),
        }
    }
}
