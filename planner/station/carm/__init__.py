"""The C-arm that is turned: pictures, views by name, what is dialled and reached."""
