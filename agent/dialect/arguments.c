/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arguments.h"

#include <string.h>

const struct dialect_argument dialect_any_arguments[] = { { NULL } };

static const char *const type_names[] = {
	[DIALECT_INTEGER] = "integer",
	[DIALECT_STRING] = "string",
	[DIALECT_BOOLEAN] = "boolean",
	[DIALECT_STRINGS] = "array",
};

static bool has_type(json_t *value, enum dialect_type type)
{
	switch (type) {
	case DIALECT_INTEGER:
		return json_is_integer(value);
	case DIALECT_STRING:
		return json_is_string(value);
	case DIALECT_BOOLEAN:
		return json_is_boolean(value);
	case DIALECT_STRINGS:
		return json_is_array(value);
	}
	return false;
}

static bool check_elements(const char *name, json_t *array, struct dialect_error *error)
{
	json_t *element;
	size_t i;

	json_array_foreach(array, i, element)
	{
		if (json_is_string(element))
			continue;
		dialect_fail(
			error, "Invalid parameter type for '%s[%zu]', expected: string", name, i);
		return false;
	}
	return true;
}

static bool check_one(
	const struct dialect_argument *argument, json_t *value, struct dialect_error *error)
{
	if (!value) {
		if (!argument->optional)
			dialect_fail(error, "Parameter '%s' is missing", argument->name);
		return argument->optional;
	}
	if (!has_type(value, argument->type)) {
		dialect_fail(error, "Invalid parameter type for '%s', expected: %s", argument->name,
			type_names[argument->type]);
		return false;
	}
	return argument->type != DIALECT_STRINGS || check_elements(argument->name, value, error);
}

static bool is_known(const struct dialect_argument *table, const char *name)
{
	for (; table && table->name; table++)
		if (!strcmp(table->name, name))
			return true;
	return false;
}

bool arguments_check(
	const struct dialect_argument *table, json_t *arguments, struct dialect_error *error)
{
	const char *name;
	json_t *value;

	if (table == dialect_any_arguments)
		return true;
	for (const struct dialect_argument *a = table; a && a->name; a++)
		if (!check_one(a, json_object_get(arguments, a->name), error))
			return false;
	json_object_foreach(arguments, name, value)
	{
		if (is_known(table, name))
			continue;
		dialect_fail(error, "Parameter '%s' is unexpected", name);
		return false;
	}
	return true;
}
