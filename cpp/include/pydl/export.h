// What a shared library shows: everything else is compiled with hidden symbols.
#pragma once

/// Marks functions and classes of the public headers, and the types that their templates are instantiated with.
#if defined(__GNUC__)
#define PYDL_API __attribute__((visibility("default")))
#else
#define PYDL_API
#endif
