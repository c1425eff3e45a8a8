"""Party organizations, platforms, partners, stations and instructors, and what each organization covers."""
