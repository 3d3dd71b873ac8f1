// C++ exceptions as Python exceptions.
#include <new>

#include "pydl/error.h"
#include "tensor_object.h"

namespace pydl::python {

PyObject* trace_error_type() {
  static PyObject* type = PyErr_NewExceptionWithDoc(
      "pydl._core.TraceError",
      "A function that cannot be compiled: it depends on values, or on tensors that were not declared.",
      PyExc_RuntimeError, nullptr);
  return type;
}

void set_python_error() noexcept {
  try {
    throw;
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  } catch (const TraceError& error) {
    PyErr_SetString(trace_error_type(), error.what());
  } catch (const ValueError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const TypeError& error) {
    PyErr_SetString(PyExc_TypeError, error.what());
  } catch (const OverflowError& error) {
    PyErr_SetString(PyExc_OverflowError, error.what());
  } catch (const IndexError& error) {
    PyErr_SetString(PyExc_IndexError, error.what());
  } catch (const MemoryError& error) {
    PyErr_SetString(PyExc_MemoryError, error.what());
  } catch (const FormatError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const FileError& error) {
    // Given a number, a text and a name, OSError creates the subclass for that number: FileNotFoundError, ...
    if (error.error_number() == 0) {
      PyErr_SetString(PyExc_OSError, error.what());
      return;
    }
    const py::object path = py::reinterpret_steal<py::object>(PyUnicode_DecodeFSDefault(error.path().c_str()));
    PyErr_SetObject(PyExc_OSError, py::make_tuple(error.error_number(), error.reason(), path).ptr());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "an unknown error in C++");
  }
}

}  // namespace pydl::python
