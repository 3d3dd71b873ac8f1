/* C interface to programs in files, for C and every language that can call C. Functions return PYDL_OK or an error
 * code; `pydl_last_error` returns the message. Functions never throw, and they keep no pointer that is passed to them.
 *
 *   pydl_program* program = pydl_load("model.pydl");
 *   if (program == NULL) { puts(pydl_last_error()); return 1; }
 *   float pixels[784] = {...};
 *   pydl_tensor input = {pixels, PYDL_FLOAT32, 4, {1, 1, 28, 28}};
 *   pydl_tensor output = {0};                            // no memory: the library allocates it
 *   if (pydl_run(program, "predict", &input, 1, &output, 1) != PYDL_OK) ...
 *   const float* scores = output.data;
 *   pydl_tensor_clear(&output);
 *   pydl_free(program);
 */
#ifndef PYDL_C_API_H
#define PYDL_C_API_H

#include <stddef.h>
#include <stdint.h>

#include "pydl/export.h"

/* Increases when functions are added. New functions are marked with the version that added them; existing ones do not
 * change. */
#define PYDL_C_API_VERSION 2
#define PYDL_MAX_RANK 8

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pydl_status {
  PYDL_OK = 0,
  PYDL_ERROR = 1,        /* any other error */
  PYDL_ERROR_VALUE = 2,  /* a shape, a name, a value */
  PYDL_ERROR_TYPE = 3,   /* a dtype */
  PYDL_ERROR_FILE = 4,   /* cannot be read or written */
  PYDL_ERROR_FORMAT = 5, /* a file is malformed */
  PYDL_ERROR_MEMORY = 6,
  PYDL_ERROR_INDEX = 7
} pydl_status;

typedef enum pydl_dtype {
  PYDL_BOOL = 0,
  PYDL_UINT8 = 1,
  PYDL_INT8 = 2,
  PYDL_INT16 = 3,
  PYDL_INT32 = 4,
  PYDL_INT64 = 5,
  PYDL_FLOAT16 = 6,
  PYDL_BFLOAT16 = 7,
  PYDL_FLOAT32 = 8,
  PYDL_FLOAT64 = 9
} pydl_dtype;

/* Elements in row-major order. For outputs: if `data` is NULL, the library allocates the memory and fills in all
 * fields, and `pydl_tensor_clear` frees it; otherwise dtype and shape must be those of the result, which is written to
 * `data`. */
typedef struct pydl_tensor {
  void* data;
  int32_t dtype; /* a pydl_dtype */
  int32_t rank;
  int64_t shape[PYDL_MAX_RANK];
} pydl_tensor;

/* An input or output of a function. Sizes that depend on the batch size are -1. `name` lives as long as the program. */
typedef struct pydl_tensor_info {
  const char* name;
  int32_t dtype;
  int32_t rank;
  int64_t shape[PYDL_MAX_RANK];
} pydl_tensor_info;

typedef struct pydl_program pydl_program;

/* The PYDL_C_API_VERSION that the library was built with, and the library's version as text. */
PYDL_API int32_t pydl_c_api_version(void);
PYDL_API const char* pydl_library_version(void);
/* The message of the last call that failed on this thread, or "" if none did. Valid until the next failure. */
PYDL_API const char* pydl_last_error(void);

/* --- load, save, free; NULL where loading fails --------------------------------------------------------------- */
PYDL_API pydl_program* pydl_load(const char* path);
PYDL_API pydl_program* pydl_load_memory(const void* bytes, size_t size);
/* The same for files from untrusted sources, which may demand hours of work and all memory: a run that needs more
 * operations than the limit fails before it begins. An operation is a floating-point operation, or an element read or
 * written if there are more of these. (2) */
PYDL_API pydl_program* pydl_load_limited(const char* path, int64_t max_operations);
PYDL_API pydl_program* pydl_load_memory_limited(const void* bytes, size_t size, int64_t max_operations);
/* Writes the file atomically, with the current state. */
PYDL_API pydl_status pydl_save(const pydl_program* program, const char* path);
PYDL_API void pydl_free(pydl_program* program);

/* --- describe; `function` NULL means the first one ------------------------------------------------------------- */
PYDL_API size_t pydl_function_count(const pydl_program* program);
/* NULL if the index is not in 0 .. count - 1. */
PYDL_API const char* pydl_function_name(const pydl_program* program, size_t index);
PYDL_API pydl_status pydl_counts(const pydl_program* program, const char* function, size_t* inputs, size_t* outputs);
PYDL_API pydl_status pydl_input(const pydl_program* program, const char* function, size_t index,
                                pydl_tensor_info* info);
PYDL_API pydl_status pydl_output(const pydl_program* program, const char* function, size_t index,
                                 pydl_tensor_info* info);
PYDL_API size_t pydl_class_count(const pydl_program* program);
PYDL_API const char* pydl_class_name(const pydl_program* program, size_t index);

/* --- run ------------------------------------------------------------------------------------------------------- */
/* Runs a function. Several threads may run functions that do not change any state. If a run fails, outputs may already
 * have been written: clear them. */
PYDL_API pydl_status pydl_run(pydl_program* program, const char* function, const pydl_tensor* inputs,
                              size_t input_count, pydl_tensor* outputs, size_t output_count);
/* Runs one step of the function "train" (or of the first function if there is no "train"). Its first result is the
 * loss. */
PYDL_API pydl_status pydl_train(pydl_program* program, const pydl_tensor* inputs, size_t input_count, double* loss);
/* Frees the memory that the library allocated for an output, and sets it to {0}. */
PYDL_API void pydl_tensor_clear(pydl_tensor* tensor);

/* --- parameters and state, by name: learning rates, moments, counters ------------------------------------------- */
PYDL_API size_t pydl_state_count(const pydl_program* program);
PYDL_API const char* pydl_state_name(const pydl_program* program, size_t index);
/* As an output of `pydl_run`. */
PYDL_API pydl_status pydl_get_state(const pydl_program* program, const char* name, pydl_tensor* value);
/* Overwrites the tensor; dtype and shape must be the same. */
PYDL_API pydl_status pydl_set_state(pydl_program* program, const char* name, const pydl_tensor* value);

#ifdef __cplusplus
}
#endif

#endif
