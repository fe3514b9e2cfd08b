/* Errors as codes and text, and memory. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char error_text[600];

const char *mf_error(void) { return error_text; }

mf_status mfi_fail(mf_status code, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(error_text, sizeof error_text, format, values);
    va_end(values);
    return code;
}

mf_status mfi_answered(const OrtApi *ort, OrtStatus *status) {
    if (!status) return MF_OK;
    mfi_fail(MF_RUNTIME, "ONNX Runtime: %.500s", ort->GetErrorMessage(status));
    ort->ReleaseStatus(status);
    return MF_RUNTIME;
}

mf_status mfi_reserve(void *pointer, size_t count, size_t size) {
    void *room = count && size > SIZE_MAX / count ? NULL : calloc(count ? count : 1, size);
    memcpy(pointer, &room, sizeof room);
    return room ? MF_OK : mfi_fail(MF_MEMORY, "no memory is left for %zu values of %zu bytes", count, size);
}
