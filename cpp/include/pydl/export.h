// The symbols that a shared library exports. All others are hidden.
#pragma once

/// Marks functions and classes of the public headers, and the types with which their templates are instantiated.
#if defined(__GNUC__)
#define PYDL_API __attribute__((visibility("default")))
#else
#define PYDL_API
#endif
