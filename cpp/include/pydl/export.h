// What a shared library shows: everything else is compiled with hidden symbols.
#pragma once

/// Marks functions and classes of the public headers.
#define PYDL_API __attribute__((visibility("default")))
