//! stub
use crate::builtin::Context;
use moo_model::{ErrorCode, Raised, Symbol, Value};
/// x
pub fn get_property(_c: &mut Context<'_>, _o: &Value, _n: &Value) -> Result<Value, Raised> {
    Err(ErrorCode::PropNf.into())
}
/// x
pub fn set_property(_c: &mut Context<'_>, _o: &Value, _n: &Value, _v: Value) -> Result<(), Raised> {
    Err(ErrorCode::PropNf.into())
}
/// x
pub fn get_property_symbol(_c: &mut Context<'_>, _o: &Value, _n: Symbol) -> Result<Value, Raised> {
    Err(ErrorCode::PropNf.into())
}
/// x
pub fn set_property_symbol(_c: &mut Context<'_>, _o: &Value, _n: Symbol, _v: Value) -> Result<(), Raised> {
    Err(ErrorCode::PropNf.into())
}
