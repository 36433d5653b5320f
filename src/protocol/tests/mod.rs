mod codec;
mod samples;
mod surface;
